"""Contours of lumen and outer wall from polar images."""
