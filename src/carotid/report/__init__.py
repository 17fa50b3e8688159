"""Pages that people look at, made from files on disk alone."""
