"""What every command over a cohort may be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.cohort.shard import Shard


@dataclass(frozen=True, kw_only=True)
class CohortRequest:
    """What commands through one stage or all of them have in common.

    Attributes:
        output_dir: Where results go.
        bids_image: Which image of a BIDS session is meant, such as `acq-bb_T1w`.
        series: Which series of each DICOM folder is meant; see `ScanSource`.
        config_path: The configuration file.
        participants: Whom to do; all where it is empty.
        device, threads: Where and with how many threads networks compute; None takes what is there.
        force: Whether participants are done again that are complete.
        verify: Whether scans of complete participants are compared by checksum.
        shard: Which part of the participants; None takes all.
        scheduler: Where the scheduler of a cluster is; None computes here.
        options: Settings of stages that were given as options, by name.
    """

    output_dir: Path
    bids_image: str | None = None
    series: str | None = None
    config_path: Path | None = None
    participants: Sequence[str] = ()
    device: str | None = None
    threads: int | None = None
    force: bool = False
    verify: bool = False
    shard: Shard | None = None
    scheduler: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
