"""What simulated necks are drawn from: every range and every chance in one frozen table.

Pairs are the lowest and the highest value of a uniform draw; names that begin with `p_` are
probabilities. The defaults give necks as scanners show them, good ones and poor ones; training
draws from wider ranges (`recipes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from carotid.config import Parameters
from carotid.simulation.ranges import (
    Chance,
    Count,
    Extent,
    Finite,
    Positive,
    Range,
    Spread,
    Voxel,
    Weighting,
)

if TYPE_CHECKING:
    import numpy as np


class NeckRecipe(Parameters):
    """Ranges of the anatomy, the surroundings, the contrast and the acquisition of necks.

    In a configuration file this is the section `[neck]`. Necks are slabs around the carotids, or
    whole axial sections with all that a neck holds, from skin to skin; some slabs hold the organs
    of whole sections too. Keys that begin with `whole_` replace, in whole sections, the ones
    without.

    Attributes:
        height_mm: Extent of the field of view along S.
        depth_mm: Extent along P.
        width_mm: Extent along L.
        p_slab: Chance of one of the two usual coronal slabs (144×36×120, 252×35×224 mm).
        lateral_mm: Distance of the common carotid from the midline.
        bifurcation_share: Height of the bifurcation as a share of `height_mm`.
        bifurcation_wide_share: The same for the `p_bifurcation_wide` odd ones.
        p_bifurcation_wide: Chance of a bifurcation drawn from the wide range.
        common_radius_mm: Lumen radius of the common carotid.
        internal_over_common: Lumen radius of the internal carotid over the common one's.
        external_over_internal: Lumen radius of the external carotid over the internal one's.
        bulb_over_common: Largest radius of the bulb over the common carotid's.
        bulb_length_mm: How far above the bifurcation the bulb has gone.
        external_taper: Share of its radius that the external loses over 60 mm.
        separation_mm: Distance between internal and external far above the bifurcation.
        angle_deg: Angle at which the two part.
        direction_deg: Mean and standard deviation of the direction from external to internal,
            from lateral (0) to posterior (90).
        direction_drift_deg: Mean and standard deviation of that direction's turn over 40 mm.
        p_medial: Chance of an internal carotid medial of the external one.
        lean: Slope of the carotids (mm sideways per mm of height), largest.
        common_wave_mm: Amplitude of the common carotid's waves.
        internal_wave_mm: Amplitude of the internal and external carotid's own waves.
        p_external_ends: Chance that the external ends inside of the neck.
        external_end_mm: Where it ends then, above the bifurcation.
        p_external_absent: Chance of no external carotid at all.
        p_occlusion: Chance of an internal carotid without a dark lumen.
        p_branches: Chance that the external's branches are there.
        branches: How many there are then.
        wall_mm: Thickness of the healthy wall.
        p_plaque: Chance of plaque in a side.
        plaque_mm: Thickness of plaque.
        plaque_length_mm: Length of plaque.
        p_stenosis: Chance that plaque narrows the lumen.
        stenosis: Share of the radius that it takes then.
        p_slow_flow: Chance of slow, bright flow in a side.
        p_plain: Chance of a neck of even tissue.
        regions: How many kinds of tissue there are.
        blobs: How many muscles, nodes and glands there are.
        stray_tubes: How many tubes there are that are no carotid.
        p_jugular: Chance of a jugular vein per side.
        p_vertebral: Chance of vertebral arteries.
        p_trachea: Chance of a trachea.
        p_spine: Chance of a spine.
        p_halo: Chance of a layer of fat around the carotids.
        p_bright_halo: Chance that it is brighter than the wall, which then cannot be told from it.
        p_opposite: Chance of the opposite carotid.
        wall_over_tissue: Signal of the wall over that of the tissue.
        lumen_over_wall: Signal of the lumen over that of the wall, most of the time.
        lumen_over_wall_poor: The same when suppression of blood is poor.
        p_poor_lumen: Chance of poor suppression.
        acquired_mm: Acquired voxel size.
        anisotropy: Factor on the acquired voxel size per axis.
        stored_mm: Voxel size of a stored volume.
        blur_mm: Blur beyond the voxel's own, standard deviation.
        noise: Standard deviation of the noise over the wall's signal (drawn log-uniformly).
        bias_log_sd: Standard deviation of the logarithm of the bias field.
        p_coil: Chance of signal falling off at the ends of the coil.
        p_noise_band: Chance of bands of pure noise at the ends in S.
        p_zero_border: Chance of borders filled with zeros.
        p_ghost: Chance of ghosts of a moving neck.
        p_ringing: Chance of ringing at edges.
        oblique_deg: Largest tilt of the stored grid in the world.
        p_whole: Chance of whole axial sections.
        p_organs: Chance that a slab holds the organs that whole sections hold.
        whole_height_mm: Extent of whole sections along S.
        whole_depth_mm: Extent along P.
        whole_width_mm: Extent along L.
        whole_acquired_mm: Acquired voxel size.
        whole_noise: Standard deviation of the noise over the wall's signal (drawn log-uniformly).
        whole_blobs: How many muscles, nodes and glands there are beside the named ones.
        whole_stray_tubes: How many tubes there are that are no carotid.
        whole_p_coil: Chance of signal falling off at the ends of the coil.
        whole_p_noise_band: Chance of bands of pure noise at the ends in S.
        weightings: Kinds of contrast between the tissues; any of "T1", "T2", "proton density",
            "fat-suppressed" and "any".
        spine_behind_mm: How far behind the carotids the front of the spine lies.
        p_vertebrae: Chance of a spine with its canal.
        p_vertebral_side: Chance of a vertebral artery per side.
        vertebral_radius_mm: Its lumen radius.
        p_jugular_side: Chance of an internal jugular vein per side.
        p_jugular_dark: Chance that it is as dark as the carotid.
        voids: How many small dark tubes without a wall there are; half as many dark clefts.
        p_bright_blood: Chance of blood brighter than the walls.
        p_inverted: Chance of an inverted picture.
        p_thick: Chance of slices thicker than a voxel is wide, in whole sections.
        p_thick_slab: The same in slabs with organs.
        thick_mm: Thickness of such slices.
        p_slice_gap: Chance of gaps between them, of up to a quarter of their thickness.
    """

    height_mm: Extent = (60.0, 130.0)
    depth_mm: Extent = (32.0, 50.0)
    width_mm: Extent = (110.0, 250.0)
    p_slab: Chance = 0.35
    lateral_mm: Range = (18.0, 36.0)
    bifurcation_share: Range = (0.2, 0.75)
    bifurcation_wide_share: Range = (-0.35, 1.3)
    p_bifurcation_wide: Chance = 0.03
    common_radius_mm: Positive = (2.1, 4.4)
    internal_over_common: Positive = (0.58, 0.95)
    external_over_internal: Positive = (0.55, 1.05)
    bulb_over_common: Positive = (0.85, 1.4)
    bulb_length_mm: Positive = (8.0, 26.0)
    external_taper: Range = (0.0, 0.6)
    separation_mm: Positive = (6.0, 17.0)
    angle_deg: Range = (20.0, 84.0)
    direction_deg: Spread = (45.0, 27.0)
    direction_drift_deg: Spread = (8.0, 15.0)
    p_medial: Chance = 0.08
    lean: Finite = 0.22
    common_wave_mm: Range = (0.2, 2.5)
    internal_wave_mm: Range = (0.3, 3.5)
    p_external_ends: Chance = 0.55
    external_end_mm: Positive = (12.0, 80.0)
    p_external_absent: Chance = 0.005
    p_occlusion: Chance = 0.01
    p_branches: Chance = 0.7
    branches: Count = (1, 7)
    wall_mm: Positive = (0.55, 1.5)
    p_plaque: Chance = 0.5
    plaque_mm: Range = (0.8, 5.0)
    plaque_length_mm: Positive = (5.0, 26.0)
    p_stenosis: Chance = 0.3
    stenosis: Range = (0.1, 0.7)
    p_slow_flow: Chance = 0.45
    p_plain: Chance = 0.2
    regions: Count = (2, 7)
    blobs: Count = (2, 26)
    stray_tubes: Count = (0, 8)
    p_jugular: Chance = 0.85
    p_vertebral: Chance = 0.6
    p_trachea: Chance = 0.7
    p_spine: Chance = 0.6
    p_halo: Chance = 0.35
    p_bright_halo: Chance = 0.4
    p_opposite: Chance = 0.94
    wall_over_tissue: Positive = (1.0, 2.3)
    lumen_over_wall: Range = (0.0, 0.4)
    lumen_over_wall_poor: Range = (0.3, 0.6)
    p_poor_lumen: Chance = 0.1
    acquired_mm: Voxel = (0.5, 0.95)
    anisotropy: Positive = (0.75, 1.35)
    stored_mm: Voxel = (0.4, 0.8)
    blur_mm: Range = (0.0, 0.7)
    noise: Positive = (0.01, 0.2)
    bias_log_sd: Range = (0.0, 0.5)
    p_coil: Chance = 0.3
    p_noise_band: Chance = 0.1
    p_zero_border: Chance = 0.08
    p_ghost: Chance = 0.25
    p_ringing: Chance = 0.15
    oblique_deg: Annotated[float, Field(ge=0, le=40, strict=True)] = 20.0
    p_whole: Chance = 0.5
    p_organs: Chance = 0.3
    whole_height_mm: Extent = (60.0, 150.0)
    whole_depth_mm: Extent = (100.0, 260.0)
    whole_width_mm: Extent = (120.0, 260.0)
    whole_acquired_mm: Voxel = (0.5, 1.0)
    whole_noise: Positive = (0.01, 0.15)
    whole_blobs: Count = (4, 30)
    whole_stray_tubes: Count = (2, 16)
    whole_p_coil: Chance = 0.2
    whole_p_noise_band: Chance = 0.05
    weightings: Annotated[tuple[Weighting, ...], Field(min_length=1)] = (
        "T1",
        "T2",
        "proton density",
        "fat-suppressed",
        "any",
    )
    spine_behind_mm: Range = (-9.0, 9.0)
    p_vertebrae: Chance = 0.94
    p_vertebral_side: Chance = 0.96
    vertebral_radius_mm: Positive = (1.2, 2.8)
    p_jugular_side: Chance = 0.92
    p_jugular_dark: Chance = 0.5
    voids: Count = (0, 14)
    p_bright_blood: Chance = 0.0
    p_inverted: Chance = 0.0
    p_thick: Chance = 0.36
    p_thick_slab: Chance = 0.15
    thick_mm: Positive = (1.2, 8.0)
    p_slice_gap: Chance = 0.5

    def slabs(self) -> NeckRecipe:
        """The recipe with plain slabs alone."""
        return self.model_copy(update={"p_whole": 0.0, "p_organs": 0.0})

    def whole(self) -> NeckRecipe:
        """The recipe with the ranges of whole sections in the place of those of slabs."""
        replaced = {
            name.removeprefix("whole_"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith("whole_")
        }
        return self.model_copy(update={**replaced, "p_slab": 0.0})


DEFAULT_RECIPE = NeckRecipe()
"""The ranges that necks are drawn from unless told otherwise."""


def draw(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Draw a float uniformly from a range."""
    return float(rng.uniform(span[0], span[1]))


def draw_log(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Draw a positive float from a range, uniformly in its logarithm."""
    return float(span[0] * (span[1] / span[0]) ** rng.uniform())


def draw_count(rng: np.random.Generator, span: tuple[int, int]) -> int:
    """Draw an integer from a range, both ends included."""
    return int(rng.integers(span[0], span[1] + 1))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return True with the given probability."""
    return bool(rng.uniform() < probability)
