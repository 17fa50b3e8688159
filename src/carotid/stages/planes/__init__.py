"""Contours from planes across the arteries."""
