"""Files in, searchable passages out: readers, splitter, catalog, vectors and the pipeline that joins them."""
