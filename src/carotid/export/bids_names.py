"""Names of participants and sessions in a BIDS data set, from any ids.

`sub-01` and `sub-01_ses-02` are such names already. Of others letters and digits are kept; where
two become the same, or differ in case only, the later one gets a number. Names depend on all
participants of an output directory, not on those that are exported, and on those that the data set
has already: these keep theirs.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_BIDS = re.compile(r"sub-([A-Za-z0-9]+)(?:_ses-([A-Za-z0-9]+))?")
_OTHER = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True)
class BidsName:
    """A participant's session.

    Attributes:
        subject: Label of the participant, without `sub-`.
        session: Label of the session, without `ses-`; "" where there is none.
    """

    subject: str
    session: str = ""

    @property
    def stem(self) -> str:
        """How names of its files begin."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    def folder(self, root: Path) -> Path:
        """Where its images lie in a data set."""
        place = root / f"sub-{self.subject}"
        return (place / f"ses-{self.session}" if self.session else place) / "anat"


def bids_names(
    ids: Iterable[str], earlier: Mapping[str, Iterable[str]] | None = None
) -> dict[str, BidsName]:
    """A name for each id.

    Args:
        ids: The ids.
        earlier: Ids by the label of their participant that a data set has already. They keep it,
            and nobody else gets it.

    >>> {key: name.stem for key, name in bids_names(["sub-1_ses-2", "P.002_U", "P-002U"]).items()}
    {'P-002U': 'sub-P002U', 'P.002_U': 'sub-P002Ux2', 'sub-1_ses-2': 'sub-1_ses-2'}
    """
    found: dict[str, BidsName] = {}
    earlier = earlier or {}
    labels = {_whose(one): label for label, some in earlier.items() for one in some}
    taken = {label.lower() for label in earlier}
    for one in sorted(ids, key=lambda one: (_BIDS.fullmatch(one) is None, one)):
        parts, whose = _BIDS.fullmatch(one), _whose(one)
        if whose not in labels:
            wish = parts[1] if parts else _plain(one)
            labels[whose] = next(label for label in _numbered(wish) if label.lower() not in taken)
            taken.add(labels[whose].lower())
        found[one] = BidsName(labels[whose], (parts[2] or "") if parts else "")
    return dict(sorted(found.items()))


def _whose(one: str) -> str:
    """An id without its session."""
    parts = _BIDS.fullmatch(one)
    return one if parts is None else f"sub-{parts[1]}"


def _plain(one: str) -> str:
    """Letters and digits of an id."""
    plain = unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode()
    return _OTHER.sub("", plain.removeprefix("sub-")) or "x"


def _numbered(label: str) -> Iterator[str]:
    """A label, then the same with numbers."""
    yield label
    yield from (f"{label}x{number}" for number in itertools.count(2))
