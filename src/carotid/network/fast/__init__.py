"""The forward pass of the heatmap U-Net, faster than the plain module and as exact: one door."""

from carotid.network.fast.door import fast_or_plain

__all__ = ["fast_or_plain"]
