"""MetaImage files, read and written."""
