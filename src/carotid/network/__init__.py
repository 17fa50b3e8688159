"""The heatmap U-Nets: architecture, weights, windows and the ensemble's predictions."""
