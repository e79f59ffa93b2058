"""Reading PDF documents: from characters at places to paragraphs, headings, lists and tables."""
