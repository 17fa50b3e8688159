"""Whether measurements that are set side by side were made by the same networks and versions.

And whether positions along the arteries begin at the same place.

A change between two scans, or an error between two runs, is also one of the models where these are
not the same. That may be what is studied, so it is told and refuses nothing. The record of a
measurement holds those of all results that it was made from.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.evaluation.measured_settings import ValuesByKey, differing, in_words
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.shipped import shipped_checksums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carotid.evaluation.measured_cohorts import Measured, Subject
    from carotid.provenance import Record

logger = logging.getLogger(__name__)

_VERSION = "version of carotid"
_BEGINNINGS = {"divider": "from the flow divider", "found": "from where the courses meet"}
"""Where positions count from: some millimetres apart."""


def warn_of_origins(subjects: Iterable[Subject]) -> None:
    """Tell in one line what does not have the same origin in all measurements of a subject."""
    found: ValuesByKey = {}
    for subject in subjects:
        own = differing((one, origins(one)) for one in dict.fromkeys(subject.times))
        for key, values in own.items():
            for value, measured in values.items():
                found.setdefault(key, {}).setdefault(value, []).extend(measured)
    if found:
        logger.warning(
            "measurements that are compared do not come from the same models and version of this "
            "package, or count from different places; they may differ for that reason: %s",
            in_words(found),
        )


def origins(measured: Measured) -> dict[str, str]:
    """The models and versions that a measurement comes from, and where its positions begin.

    Networks are told by whose they are, with the first digits of a checksum over all of them.
    """
    record = measured.record()
    found: dict[str, set[str]] = {}
    for one in () if record is None else record.way_back():
        if "carotid" in one.versions:
            found.setdefault(_VERSION, set()).add(one.versions["carotid"])
        if one.models:
            found.setdefault(f"{one.transform} models", set()).add(_ensemble(one))
    with contextlib.suppress(InputError):  # told by those who read the table's numbers
        for side in SIDE_NAMES:
            beginning = _BEGINNINGS.get(measured.fork_source(side))
            if beginning is not None:
                found[f"{side} positions"] = {beginning}
    return {key: " and ".join(sorted(values)) for key, values in found.items()}


def _ensemble(record: Record) -> str:
    """`the package's [1a2b3c4d]`: the order and the names of its members do not count."""
    weights = {sha for name, sha in record.models.items() if name.endswith(".pt")}
    whose = "the package's" if weights <= shipped_checksums(record.transform) else "given ones"
    every = " ".join(sorted(record.models.values()))
    return f"{whose} [{hashlib.sha256(every.encode()).hexdigest()[:8]}]"
