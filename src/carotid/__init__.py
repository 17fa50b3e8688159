"""Finds the carotid arteries in 3D black-blood MRI of the neck."""

__version__ = "0.1.0"
