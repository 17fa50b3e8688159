"""Training of heatmap networks: targets, crops, losses, the loop, and what it leaves on disk."""
