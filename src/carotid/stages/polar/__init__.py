"""Polar images: rays around each center of the centerlines."""
