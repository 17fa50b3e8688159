"""From a scan to heatmaps of the internal and external carotid."""
