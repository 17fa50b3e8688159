"""From heatmaps to centerlines: one center per artery and axial slice."""
