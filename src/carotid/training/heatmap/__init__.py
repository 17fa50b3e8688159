"""Training of heatmap networks."""
