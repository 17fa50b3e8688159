"""What of a run is there already: complete, stale, made differently, or not ours; one rule for all.

A result is complete if its record and all its files are there as they were written. It still holds
if parameters and models are those of now, and its inputs are what they were: results of earlier
stages by their records; scans by their size and the time of their last change, and where these say
anything else, or one asks for it, by their checksum.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from carotid.counted import counted, listed
from carotid.errors import InputError, OutputError, UsageError
from carotid.provenance import (
    changed_inputs,
    made_differently,
    made_differently_before,
    other_versions,
)
from carotid.stages.stage import SCAN
from carotid.storage.results.record import (
    has_record,
    read_record,
    record_time_ns,
    write_record,
)
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.cohort.shard import Shard
    from carotid.provenance import Record
    from carotid.stages.inputs import Inputs
    from carotid.stages.stage import Made, Stage
    from carotid.storage.results.layout import OutputLayout

COMPLETE = "was complete already"

Kind = Literal["absent", "complete", "differs", "stale", "foreign"]

_MAX_SHOWN = 10


@dataclass(frozen=True)
class Standing:
    """How one participant stands before a run.

    Attributes:
        kind: absent: nothing is there, or ours but incomplete; complete: nothing has to be done;
            differs: complete, with other parameters or models; stale: complete, but the input has
            changed since; foreign: something that this package has not written.
        detail: What differs or has changed, in words.
    """

    kind: Kind
    detail: str = ""


class StageResults:
    """The results of one stage in an output directory.

    Args:
        layout: The output directory.
        stage: Which stage.
        record: What holds for the whole run.
        inputs: What participants bring.
        force: Whether participants are done again, whatever is there.
    """

    def __init__(
        self, layout: OutputLayout, stage: Stage, record: Record, inputs: Inputs, *, force: bool
    ) -> None:
        self._layout = layout
        self._stage = stage
        self._record = record
        self._inputs = inputs
        self._force = force

    def slot(self, participant_id: str) -> Slot:
        """The place of one participant."""
        return Slot(self._layout, participant_id, self._stage.transform)

    def standing(self, participant_id: str, *, verify: bool = False) -> Standing:
        """How a participant stands.

        Args:
            participant_id: Who.
            verify: Whether a scan is compared by its checksum.
        """
        place = self._layout.transform(participant_id, self._stage.transform)
        there = read_record(place)
        if there is None:
            ours = has_record(place) or not (place.exists() or place.is_symlink())
            return Standing("absent" if ours else "foreign")
        differing = made_differently(self._record, there)
        if differing:
            return Standing("differs", "; ".join(differing))
        trusted_ns = None if verify else record_time_ns(place)
        try:
            glanced = self._inputs.glance(participant_id, trusted_ns=trusted_ns)
            differing = made_differently_before(glanced, there)
            if differing:
                return Standing("differs", "; ".join(differing))
            changed = changed_inputs(glanced, there)
            if changed and not verify:  # sizes and times say so: do checksums?
                changed = changed_inputs(self._inputs.glance(participant_id), there)
        except InputError:
            return Standing("stale", "its input, which cannot be read any more")
        if changed:
            what = [name if name == SCAN else f"{name} result" for name in changed]
            return Standing("stale", " and ".join(f"its {one}" for one in what))
        return Standing("complete")

    def check_resumable(self, participants: Sequence[str], *, verify: bool) -> list[str]:
        """Check that what is complete goes with what shall be added.

        Returns:
            Those that are complete.

        Raises:
            UsageError: Complete results were made with other parameters, other models, or from
                something that has changed since.
        """
        standings = {one: self.standing(one, verify=verify) for one in participants}
        for participant_id, standing in standings.items():
            if standing.kind == "differs":
                raise UsageError(
                    f"participant {participant_id} was done differently: {standing.detail}",
                    where=self._layout.root,
                    remedy="use the same parameters and models, another output directory, or "
                    "--force to do the participants again",
                )
        stale = [f"{one}: {s.detail}" for one, s in standings.items() if s.kind == "stale"]
        if stale:
            raise UsageError(
                "what results were made from has changed since",
                where=self._layout.root,
                found=listed(stale, _MAX_SHOWN),
                remedy="do these again with --force and --participant",
            )
        return [one for one, standing in standings.items() if standing.kind == "complete"]

    def complete(self, participant_id: str) -> str | None:
        """Why nothing has to be done for a participant; None where it has.

        Raises:
            OutputError: What is there must not be replaced.
        """
        if self._force:
            if self._layout.is_corrected(participant_id, self._stage.transform):
                raise OutputError(
                    "this result was corrected by hand and is not replaced",
                    where=self._layout.transform(participant_id, self._stage.transform),
                    remedy=f"take the corrections back with `carotid correct --undo "
                    f"--participant {participant_id}` first, or use another output directory",
                )
            return None
        standing = self.standing(participant_id)
        if standing.kind == "foreign":
            raise OutputError(
                "this folder was not written by carotid and is not changed",
                where=self._layout.transform(participant_id, self._stage.transform),
                remedy="move it away, or use --force to replace it",
            )
        if standing.kind in ("differs", "stale"):
            what = {
                "differs": f"another command has done this participant differently: "
                f"{standing.detail}",
                "stale": f"{standing.detail} has changed since the result was made",
            }
            raise OutputError(
                what[standing.kind],
                where=participant_id,
                remedy="use another output directory, or --force to do it again",
            )
        return COMPLETE if standing.kind == "complete" else None

    def record(self, folder: Path, made: Made) -> None:
        """Write what made the result in a folder."""
        context = {**self._record.context, **made.as_context()}
        write_record(folder, replace(self._record, inputs=made.inputs, context=context))

    def remarks(self, asked: Sequence[str], shard: Shard | None) -> list[str]:
        """What one should know of complete results that stay as they are, in sentences.

        Args:
            asked: Who is done, or was done already.
            shard: Only participants of this part are looked at.
        """
        remarks, changed = [], []
        versions: Counter[str] = Counter()
        there_are = self._layout.participants(self._stage.transform)
        for participant_id in there_are if shard is None else shard.of(there_are):
            place = self._layout.transform(participant_id, self._stage.transform)
            there = read_record(place)
            if self._force and participant_id in asked:
                continue
            if there is None:
                if participant_id in asked and has_record(place):
                    changed.append(participant_id)
            elif participant_id not in asked and made_differently(self._record, there):
                remarks.append(
                    f"{participant_id} was made with other parameters or models and stays as it is"
                )
            elif others := other_versions(self._record, there):
                versions[", ".join(others)] += 1
        if changed:
            remarks.append(
                f"files of the {self._stage.name} results were changed or lost since they were "
                f"written, and are made again: {listed(changed, _MAX_SHOWN)}"
            )
        remarks += [
            f"{counted(count, 'complete result')} made with {text}; numbers "
            "may differ in their last digits; --force does them again"
            for text, count in versions.items()
        ]
        return remarks
