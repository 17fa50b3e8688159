"""Measurements of cohorts as they lie in output directories: who is there, in which session."""

from __future__ import annotations

import logging
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.errors import InputError, UsageError
from carotid.storage.results.layout import (
    MEASUREMENT_TRANSFORM,
    MeasurementLayout,
    OutputLayout,
)
from carotid.storage.results.measurement_tables import load_table
from carotid.storage.results.record import read_record
from carotid.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.geometry.sides import SideName
    from carotid.measurements import MeasurementTable
    from carotid.provenance import Record

logger = logging.getLogger(__name__)

_TOLD_BY_COLUMNS = {
    "thickness": "wt_method",
    "stenosis_diameter": "stenosis_diameter",
    "plaque_thickness_mm": "plaque_threshold_mm",
}
"""Settings that a table of arteries tells, and in which column."""

_SESSION = re.compile(r"(?P<subject>.+)_ses-(?P<session>[A-Za-z0-9]+)")


@dataclass(frozen=True)
class Measured:
    """One participant's measurements in one output directory."""

    root: Path
    participant_id: str

    @property
    def _layout(self) -> MeasurementLayout:
        return MeasurementLayout(
            OutputLayout(self.root).transform(self.participant_id, MEASUREMENT_TRANSFORM)
        )

    def record(self) -> Record | None:
        """What made it, if that is known."""
        return read_record(self._layout.root)

    def settings(self) -> dict[str, Any]:
        """What it was made with, as far as its record tells; without a record, its table."""
        record = self.record()
        if record is not None:
            return dict(record.parameters)
        cells = self.arteries().cells
        return {
            key: cells[column][0]
            for key, column in _TOLD_BY_COLUMNS.items()
            if len(cells.get(column, ()))
        }

    def arteries(self) -> MeasurementTable:
        """Its table of arteries.

        Raises:
            InputError: It cannot be read, or has two rows of one segment.
        """
        table = load_table(self._layout.arteries)
        keys = [*zip(*(table.cells.get(name, ()) for name in ("side", "segment")), strict=False)]
        twice = next((key for n, key in enumerate(keys) if key in keys[:n]), None)
        if twice is not None:
            raise InputError(
                "the table has two rows of one segment",
                where=self._layout.arteries,
                found=" ".join(map(str, twice)),
                remedy="keep the right one, or make the measurements again",
            )
        return table

    def fork_source(self, side: SideName) -> str:
        """Where one side's bifurcation comes from; empty where its table does not tell."""
        table = self.arteries()
        words = zip(table.words("side"), table.cells.get("bifurcation", ()), strict=False)
        own = (str(word) for one, word in words if one == side)
        return next((word for word in own if word not in ("unknown", "not_searched")), "")

    def slices(self, side: SideName) -> MeasurementTable:
        """Its table of one side's slices."""
        return load_table(self._layout.slices(side))

    def thickness(self, side: SideName) -> MeasurementTable:
        """Its table of one side's thickness by direction."""
        return load_table(self._layout.thickness(side))


@dataclass(frozen=True)
class Subject:
    """Somebody who was measured several times.

    Attributes:
        name: The id without the session.
        times: The measurements, in order.
    """

    name: str
    times: tuple[Measured, ...]


def measured_participants(root: Path) -> list[str]:
    """Ids with measurements in an output directory, sorted.

    Raises:
        UsageError: There are none.
    """
    found = OutputLayout(root).participants(MEASUREMENT_TRANSFORM)
    if not found:
        raise UsageError(
            "there are no measurements",
            where=root,
            expected=f"<id>/{MEASUREMENT_TRANSFORM} in it",
            remedy="run `carotid transform measurement` first",
        )
    return found


def check_place_of_tables(output_dir: Path) -> None:
    """Refuse to write tables of a comparison among results.

    Raises:
        UsageError: The directory holds measurements of participants, or lies in a participant's.
    """
    place = output_dir.resolve()
    remedy = "give a directory of its own for the tables, and look at the order of the arguments"
    if OutputLayout(place).participants(MEASUREMENT_TRANSFORM):
        raise UsageError("the tables would lie among results", where=output_dir, remedy=remedy)
    for one in (place, *place.parents):
        if one.name == MEASUREMENT_TRANSFORM or (one / MEASUREMENT_TRANSFORM).is_dir():
            raise UsageError(
                "the tables would lie in a participant's results", where=output_dir, remedy=remedy
            )


def in_directories(roots: Sequence[Path]) -> tuple[list[Subject], dict[str, int]]:
    """Who is in all directories, and in how many of them each of the others is.

    Raises:
        UsageError: Nobody is in all of them.
    """
    if len({root.resolve() for root in roots}) < len(roots):
        logger.warning("a directory is compared with itself: %s", ", ".join(map(str, roots)))
    ids = [measured_participants(root) for root in roots]
    everyone = sorted({name for some in ids for name in some})
    shared = [name for name in everyone if all(name in some for some in ids)]
    if not shared:
        raise UsageError(
            "no participant is in all of the directories",
            found="; ".join(
                f"{root}: {', '.join(some[:3])}" for root, some in zip(roots, ids, strict=True)
            ),
        )
    subjects = [Subject(name, tuple(Measured(root, name) for root in roots)) for name in shared]
    left_out = {name: sum(name in some for some in ids) for name in everyone if name not in shared}
    return subjects, left_out


def by_session(root: Path, instead: str) -> tuple[list[Subject], list[str]]:
    """Participants with several sessions in one directory, and the ids that are left out.

    Ids are read as BIDS writes them, `sub-01_ses-02`; sessions come in the order of the numbers in
    their names. Where these do not tell the order, `unclear_order` says so.

    Args:
        root: The directory.
        instead: What else can be given, as advice where nobody has two sessions.

    Raises:
        UsageError: Nobody has two sessions.
    """
    found: dict[str, dict[str, str]] = {}
    left_out = []
    for name in measured_participants(root):
        parts = _SESSION.fullmatch(name)
        if parts is None:
            left_out.append(name)
        else:
            found.setdefault(parts["subject"], {})[parts["session"]] = name
    subjects = []
    for subject, sessions in sorted(found.items()):
        if len(sessions) < 2:
            left_out += sessions.values()
            continue
        order = sorted(sessions, key=_with_numbers)
        subjects.append(Subject(subject, tuple(Measured(root, sessions[one]) for one in order)))
    if not subjects:
        raise UsageError(
            "no participant has two sessions",
            where=root,
            found=", ".join(left_out[:5]),
            expected="ids such as sub-01_ses-01 and sub-01_ses-02",
            remedy=instead,
        )
    return subjects, sorted(left_out)


def unclear_order(subjects: Sequence[Subject]) -> dict[str, str]:
    """Sessions whose names do not tell which came first, and one of those who have them.

    Names tell it that differ in numbers alone: `1` and `2`, `m03` and `m12`, `20240131` and
    `20250131`; `post` and `pre` do not.
    """
    found: dict[str, str] = {}
    for subject in subjects:
        ids = [_SESSION.fullmatch(one.participant_id) for one in subject.times]
        names = [parts["session"] for parts in ids if parts is not None]
        keys = [_with_numbers(name) for name in names]
        if len({key[::2] for key in keys}) > 1 or len(set(keys)) < len(keys):
            found.setdefault(", ".join(names), subject.name)
    return found


def check_order_of_time(subjects: Sequence[Subject]) -> None:
    """Refuse sessions of which it is not known which came first: a change would have either sign.

    Raises:
        UsageError: Names them.
    """
    unclear = unclear_order(subjects)
    if unclear:
        raise UsageError(
            "the names of sessions do not tell which scan came first",
            found="; ".join(f"{names} of {name}" for names, name in [*unclear.items()][:3]),
            expected="names that differ in numbers or dates alone, such as ses-1 and ses-2",
            remedy="say which is which in a table with the columns participant_id, baseline and "
            "follow_up, and give it as --pairs",
        )


def _with_numbers(name: str) -> tuple[str | int, ...]:
    """A name to sort by: text and numbers in turn.

    >>> _with_numbers("12m") > _with_numbers("3m")
    True
    """
    parts = re.split(r"(\d+)", name.casefold())
    return tuple(int(one) if k % 2 else one for k, one in enumerate(parts))


def in_pairs(path: Path, root: Path, later_root: Path) -> list[Subject]:
    """Participants by a table with the columns `participant_id baseline follow_up`.

    Args:
        path: The table; `baseline` and `follow_up` are ids in the directories.
        root: Where the baselines are.
        later_root: Where the follow-ups are.

    Raises:
        InputError: The table has a pair twice, or a scan is paired with itself.
        UsageError: The table cannot be read, or an id has no measurements.
    """
    try:
        table = read_table(
            path, ("participant_id", "baseline", "follow_up"), "table of pairs", "correct the table"
        )
    except InputError as error:
        raise error.told_as(UsageError) from error
    columns = (table.cells[column] for column in ("participant_id", "baseline", "follow_up"))
    places = [(one, _by_composed(measured_participants(one))) for one in (root, later_root)]
    subjects = []
    seen: dict[Measured, int] = {}
    for k, (name, *ids) in enumerate(zip(*columns, strict=True)):
        times = []
        for (place, known), one in zip(places, ids, strict=True):
            measured = known.get(unicodedata.normalize("NFC", one))
            if measured is None:
                raise UsageError(
                    f"there are no measurements of {one}",
                    where=place,
                    remedy=f"correct {path}, or measure that scan first",
                )
            times.append(Measured(place, measured))
        if times[0] == times[1]:
            raise table.mistake(k, "follow_up", f"'{ids[1]}', the baseline itself")
        if times[1] in seen:
            again = table.rows[seen[times[1]]]
            raise table.mistake(k, "follow_up", f"'{ids[1]}', as in row {again}", "a scan once")
        seen[times[1]] = k
        subjects.append(Subject(name, tuple(times)))
    return subjects


def _by_composed(ids: Sequence[str]) -> dict[str, str]:
    """Ids by how they are typed: accents may be stored in two ways."""
    return {unicodedata.normalize("NFC", one): one for one in ids}
