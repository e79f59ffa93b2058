"""Reading sheets of rows and columns."""
