"""Measured arteries as pictures, for the page and for papers: maps, curves, cross-sections."""
