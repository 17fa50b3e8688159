"""Names of participants and sessions in a BIDS data set, from any ids.

`sub-01` and `sub-01_ses-02` are such names already. Of others letters and digits are kept; where
two become the same, the later one gets a number. Names depend on all participants of an output
directory, not on those that are exported.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
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


def bids_names(ids: Iterable[str]) -> dict[str, BidsName]:
    """A name for each id.

    >>> {key: name.stem for key, name in bids_names(["sub-1_ses-2", "P.002_U", "P-002U"]).items()}
    {'P-002U': 'sub-P002U', 'P.002_U': 'sub-P002Ux2', 'sub-1_ses-2': 'sub-1_ses-2'}
    """
    found: dict[str, BidsName] = {}
    taken: set[str] = set()
    others = []
    for one in sorted(ids):
        parts = _BIDS.fullmatch(one)
        if parts is None:
            others.append(one)
            continue
        found[one] = BidsName(parts[1], parts[2] or "")
        taken.add(parts[1].lower())
    for one in others:
        plain = unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode()
        label = wish = _OTHER.sub("", plain.removeprefix("sub-")) or "x"
        number = 2
        while label.lower() in taken:
            label, number = f"{wish}x{number}", number + 1
        taken.add(label.lower())
        found[one] = BidsName(label)
    return dict(sorted(found.items()))
