"""Recipes for necks besides the default one."""

from __future__ import annotations

from carotid.simulation.recipe import NeckRecipe

ORDINARY_RECIPE = NeckRecipe(
    p_slab=1.0,
    p_whole=0.0,
    p_organs=0.0,
    bifurcation_share=(0.35, 0.6),
    p_bifurcation_wide=0.0,
    wall_over_tissue=(1.15, 2.0),
    p_poor_lumen=0.0,
    blobs=(2, 10),
    stray_tubes=(0, 4),
    p_bright_halo=0.0,
    noise=(0.02, 0.12),
    bias_log_sd=(0.0, 0.35),
    blur_mm=(0.0, 0.4),
    p_coil=0.2,
    p_zero_border=0.0,
    p_ghost=0.1,
)
"""Necks as a careful scan with fat suppression shows them; anatomy and disease vary as ever."""

TRAINING_RECIPE = NeckRecipe(
    depth_mm=(30.0, 50.0),
    bifurcation_share=(0.15, 0.85),
    p_bifurcation_wide=0.12,
    p_external_ends=0.65,
    external_end_mm=(10.0, 75.0),
    p_external_absent=0.015,
    p_occlusion=0.015,
    wall_over_tissue=(0.9, 2.3),
    lumen_over_wall_poor=(0.3, 0.75),
    p_poor_lumen=0.2,
    stray_tubes=(0, 10),
    blur_mm=(0.0, 0.9),
    noise=(0.015, 0.5),
    bias_log_sd=(0.0, 0.7),
    p_coil=0.4,
    p_noise_band=0.15,
    whole_noise=(0.01, 0.35),
    whole_stray_tubes=(2, 24),
    whole_p_coil=0.3,
    p_whole=0.6,
    p_bright_blood=0.05,
    p_inverted=0.05,
)
"""What the package's models are trained on.

Wider than nature on purpose, hopeless scans and blood of either polarity among them: a network that
has seen everything is not surprised by a real scanner.
"""
