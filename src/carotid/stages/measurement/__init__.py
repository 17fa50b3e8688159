"""The measurement transform: from outlines to areas, thickness, volumes and stenoses."""
