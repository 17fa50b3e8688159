"""A part of a cohort that can be told from a participant's id alone, for jobs side by side.

Whoever computes part 3 of 8 needs to know nothing of the other seven: a participant's part follows
from a checksum of its id. A participant that is added later moves no other, and each is in exactly
one part. Parts are about as large as one another, as the numbers of a fair die are.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from carotid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Shard:
    """One part out of several.

    Attributes:
        number: Which part, from 1.
        count: How many parts there are.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The part that a text such as "3/8" names.

        Raises:
            UsageError: It names none.
        """
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        number, count = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= count:
            raise UsageError(
                "this is no part of a cohort",
                where="--shard",
                found=repr(text[:60]),
                expected="i/N with i from 1 to N, such as 3/8",
            )
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def has(self, participant_id: str) -> bool:
        """Whether a participant is in this part.

        >>> [Shard(number, 3).has("sub-01") for number in (1, 2, 3)]
        [False, True, False]
        """
        name = unicodedata.normalize("NFC", participant_id).encode("utf-8", "surrogateescape")
        checksum = int.from_bytes(hashlib.sha256(name).digest()[:8])
        return checksum % self.count == self.number - 1

    def of(self, participants: Iterable[str]) -> list[str]:
        """Those who are in this part, in the order given."""
        return [one for one in participants if self.has(one)]
