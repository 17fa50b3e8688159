"""Grids in millimetres, volumes on grids, resampling and the two sides of a neck: numpy only."""
