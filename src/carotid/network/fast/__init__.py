"""The forward pass of the heatmap U-Net, faster than the plain module and as exact: one door."""
