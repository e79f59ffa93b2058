"""HTTP, the web chat and the command line; the one place where everything is put together."""
