"""Whom a run is about: the participants that are there, or those among them that were asked for."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

from carotid.counted import shortened
from carotid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.cohort.shard import Shard


def select_participants(
    there: Sequence[str], wanted: Sequence[str], shard: Shard | None = None, *, having: str = ""
) -> list[str]:
    """The participants asked for, sorted; all that are there where nobody is asked for.

    An id that is repeated is taken once. Letters with accents may be typed in either of their two
    Unicode forms. Of a part of the cohort, those who are in it; that may be nobody.

    Args:
        there: Who is there.
        wanted: Who was asked for.
        shard: The part of the cohort.
        having: What those who are there have, where others are there that lack it.

    Raises:
        UsageError: An id is not there; the message lists what there is.
    """
    found = sorted(there) if not wanted else _named(there, wanted, having)
    return found if shard is None else shard.of(found)


def _found_as(there: Sequence[str], wanted: str) -> str | None:
    """The id that is meant by what was typed, where accents may be stored otherwise; or None."""
    if wanted in there:
        return wanted
    composed = {unicodedata.normalize("NFC", one): one for one in there}
    return composed.get(unicodedata.normalize("NFC", wanted))


def _named(there: Sequence[str], wanted: Sequence[str], having: str) -> list[str]:
    """Those of the given names, sorted."""
    found = {one: _found_as(there, one) for one in wanted}
    unknown = [one for one, match in found.items() if match is None]
    if unknown:
        near = difflib.get_close_matches(unknown[0], there, n=1, cutoff=0.5)
        raise UsageError(
            "there is no participant of that name" + (f" with {having}" if having else ""),
            where="--participant",
            found=shortened([repr(one) for one in unknown]),
            expected="ids among " + shortened(sorted(there)),
            remedy=f"perhaps '{near[0]}' was meant" if near else None,
        )
    return sorted({match for match in found.values() if match is not None})
