"""Two directories of results that are compared: whom both have, and which sides of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.errors import UsageError
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from carotid.geometry.sides import SideName
    from carotid.storage.results.layout import CenterlineLayout, ContourLayout


def participants_in_both(
    first_dir: Path, second_dir: Path, transform: str, what: str
) -> tuple[list[str], list[str]]:
    """Whom both directories have, sorted, and sentences about the others.

    Args:
        first_dir: One.
        second_dir: The other.
        transform: Whose results are compared.
        what: How these are called.

    Raises:
        UsageError: They have no participant in common.
    """
    first, second = (
        set(OutputLayout(root).participants(transform)) for root in (first_dir, second_dir)
    )
    if not first & second:
        raise UsageError(
            "nothing can be compared",
            where=first_dir,
            found=f"no participant whose {what} {second_dir} has, too",
            expected=f"folders <id>/{transform} with the same ids in both",
        )
    only = [
        f"only {root} has {what} of {', '.join(sorted(ids))}"
        for root, ids in ((first_dir, first - second), (second_dir, second - first))
        if ids
    ]
    return sorted(first & second), only


def sides_in_both(
    participant: str,
    folders: Sequence[CenterlineLayout | ContourLayout],
    warnings: list[str],
) -> Iterator[SideName]:
    """The sides of which both folders have a table; a warning is added for each other one."""
    for side in SIDE_NAMES:
        missing = [str(path) for one in folders if not (path := one.table(side)).exists()]
        if missing:
            warnings.append(
                f"{participant}: the {side} side is left out: no {', no '.join(missing)}"
            )
        else:
            yield side
