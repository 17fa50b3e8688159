"""How far heatmaps are from the truth: numpy in, numbers out."""
