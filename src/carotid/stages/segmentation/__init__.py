"""Masks of lumen and wall from contours."""
