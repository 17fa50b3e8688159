"""What evidence weighs against continuity: the numbers of the joint search.

They were fitted on necks of the first simulator: the expected share of slices with a right center,
less a part of those with a wrong one, is as large as can be there. Two were moved by hand after
that, as necks hold more than that simulator draws: `direction` from 0.57, since one external
carotid in ten lies lateral of the internal one and was lost, and `no_internal` from 1.25, since
winding internal carotids ended early. Right centers of other necks stayed as they were. No number
depends on how high a network's peaks are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """Costs as minus logarithms of probabilities.

    Attributes:
        depth_internal: Of the internal channel's depth at the artery's place, per mm of height.
        depth_external: Likewise of the external channel.
        rival_common: Of the logarithm by which a rival is higher, for the common carotid, per mm.
        rival_apart: Likewise for internal and external carotid.
        common: Of the common carotid, per mm.
        echo_internal: Of the external channel's height at the internal carotid's place, per mm.
        echo_external: Of the internal channel's height at the external carotid's place, per mm.
        no_internal: Of the external carotid without an internal one, per mm.
        no_external: Of the internal carotid without an external one above the bifurcation, per mm.
        nothing: Of each artery where there is none, per mm.
        lateral: Of lying on the other side of the scan's middle, per mm and cm.
        far_apart: Of internal and external lying further than 15 mm apart, per mm and cm.
        direction: Of the internal lying medial and anterior of the external, per mm.
        move: Of moving sideways: the square of the distance over the height.
        jump: Of moving further than an artery may: per mm beyond.
        begin: Of beginning or ending within the volume.
        fork: Of the common carotid's dividing.
        drop: Of one artery's ending while the other goes on.
        fork_and_drop: Of the common carotid's going on as one artery.
    """

    depth_internal: float
    depth_external: float
    rival_common: float
    rival_apart: float
    common: float
    echo_internal: float
    echo_external: float
    no_internal: float
    no_external: float
    nothing: float
    lateral: float
    far_apart: float
    direction: float
    move: float
    jump: float
    begin: float
    fork: float
    drop: float
    fork_and_drop: float


WEIGHTS = Weights(
    depth_internal=0.90,
    depth_external=1.36,
    rival_common=0.44,
    rival_apart=0.59,
    common=0.08,
    echo_internal=0.11,
    echo_external=1.02,
    no_internal=1.70,
    no_external=1.55,
    nothing=2.04,
    lateral=1.00,
    far_apart=2.11,
    direction=0.30,
    move=0.68,
    jump=2.00,
    begin=0.51,
    fork=0.73,
    drop=3.32,
    fork_and_drop=5.62,
)
