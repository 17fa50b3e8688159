"""Training of contour networks."""
