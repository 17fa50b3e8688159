"""An output directory: names of files, records, and what stages leave there."""
