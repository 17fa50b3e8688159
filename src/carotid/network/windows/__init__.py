"""Sliding windows: where they lie, what networks make of them, several at a time."""
