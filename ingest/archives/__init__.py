"""Archives as sources: what lies in a .zip or a .tar is documents of its own."""
