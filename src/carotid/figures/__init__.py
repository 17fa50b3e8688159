"""Measured arteries as pictures: what is drawn, and figures of it for papers."""
