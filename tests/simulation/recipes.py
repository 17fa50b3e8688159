"""Small and clean recipes, so that tests are quick and can look for arteries in the voxels."""

from __future__ import annotations

from carotid.simulation.recipe import NeckRecipe

SMALL = NeckRecipe(
    height_mm=(50, 60),
    depth_mm=(30, 32),
    width_mm=(110, 120),
    p_slab=0.0,
    p_whole=0.0,
    acquired_mm=(0.9, 0.95),
)
"""Necks of every kind, but small."""

CLEAN = NeckRecipe(
    height_mm=(60, 70),
    depth_mm=(36, 40),
    width_mm=(110, 130),
    p_slab=0.0,
    p_whole=0.0,
    p_organs=0.0,
    p_bifurcation_wide=0.0,
    lean=0.1,
    p_external_ends=0.0,
    p_external_absent=0.0,
    p_occlusion=0.0,
    p_plaque=0.0,
    p_slow_flow=0.0,
    p_poor_lumen=0.0,
    lumen_over_wall=(0.0, 0.1),
    wall_over_tissue=(1.5, 2.0),
    p_halo=0.0,
    acquired_mm=(0.5, 0.6),
    anisotropy=(1.0, 1.0),
    blur_mm=(0.0, 0.1),
    noise=(0.001, 0.002),
    bias_log_sd=(0.0, 0.1),
    p_coil=0.0,
    p_noise_band=0.0,
    p_zero_border=0.0,
    p_ghost=0.0,
    p_ringing=0.0,
)
"""Healthy arteries in a good scan: blood is dark and walls are bright."""

WHOLE = CLEAN.model_copy(
    update={
        "p_whole": 1.0,
        "whole_height_mm": (60, 70),
        "whole_depth_mm": (110, 130),
        "whole_width_mm": (130, 150),
        "whole_acquired_mm": (0.6, 0.7),
        "whole_noise": (0.001, 0.002),
        "whole_p_coil": 0.0,
        "whole_p_noise_band": 0.0,
        "p_thick": 0.0,
    }
)
"""Clean necks from skin to skin."""

THICK = WHOLE.model_copy(update={"p_thick": 1.0, "thick_mm": (4, 5)})
"""The same in thick slices."""
