"""Scans in a BIDS data set: `sub-<label>/[ses-<label>/]anat/*.nii.gz`, one image for each session.

A participant's session is one entry, with the id `sub-01_ses-02`. Where several images lie side by
side, which one is meant has to be said: nothing is chosen by itself. Source of the names: BIDS 1.9,
"Filesystem structure" and "Anatomy imaging data".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carotid.counted import shortened
from carotid.errors import UsageError
from carotid.storage.raw import RawScan
from carotid.storage.readers import READERS

if TYPE_CHECKING:
    from pathlib import Path

_SUBJECT, _SESSION = re.compile(r"sub-[A-Za-z0-9]+"), re.compile(r"ses-[A-Za-z0-9]+")
_READER = READERS["nifti"]
_LISTED = 5
_IMAGES = "anat"
_DESCRIPTION = "dataset_description.json"
_MASKS = frozenset({"defacemask", "mask", "dseg", "probseg"})
"""Suffixes that are no scans; they are read only if they are asked for."""

_BESIDE = frozenset({"code", "derivatives", "sourcedata", "rawdata", "stimuli", "phenotype"})


@dataclass(frozen=True)
class BidsChoice:
    """Which of a session's images is meant.

    Attributes:
        parts: What its name must have: a suffix such as `T1w`, entities such as `acq-bb`.
    """

    parts: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, text: str) -> BidsChoice:
        """A choice as it is written on a command line, such as `acq-bb_T1w`.

        >>> sorted(BidsChoice.parse("acq-bb_T1w").parts)
        ['T1w', 'acq-bb']
        """
        parts = frozenset(text.strip("_").split("_"))
        if not all(re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9+]+)?", part) for part in parts):
            raise UsageError(
                "this names no BIDS image",
                found=f"'{text[:60]}'",
                expected="entities and a suffix, such as acq-bb_T1w",
            )
        return cls(parts)

    def admits(self, parts: frozenset[str]) -> bool:
        """Whether an image whose name has these parts is meant."""
        return self.parts <= parts and (not parts & _MASKS or bool(self.parts & _MASKS))


@dataclass(frozen=True)
class BidsScans:
    """What a data set holds.

    Attributes:
        scans: The scans that are meant, sorted by id.
        without: Sessions that have no such image.
        folders: Folders of the data set, which are no participants of another kind.
    """

    scans: list[RawScan]
    without: list[str]
    folders: frozenset[str]


def find_bids_scans(root: Path, choice: BidsChoice | None) -> BidsScans | None:
    """The scans of a BIDS data set; None where a folder is none.

    Args:
        root: The folder with the participants' folders.
        choice: Which image is meant; None takes the only one of each session.

    Raises:
        UsageError: A session has several images that could be meant, or none has one.
    """
    sessions = _sessions(root)
    if not any(session.images for session in sessions):
        return None
    wanted = choice or BidsChoice()
    scans, without, several = [], [], []
    for session in sessions:
        meant = [path for path, parts in session.images.items() if wanted.admits(parts)]
        if len(meant) > 1:
            several.append(f"{session.key} has {shortened([path.name for path in meant])}")
        elif meant:
            scans.append(RawScan(session.key, meant[0], _READER.kind))
        else:
            without.append(session.key)
    seen = sorted({part for one in sessions for parts in one.images.values() for part in parts})
    if several or not scans:
        raise UsageError(
            "several images of a session could be meant"
            if several
            else "no image of this BIDS data set is meant",
            where=root,
            found="; ".join(several[:_LISTED]) or "_".join(sorted(wanted.parts)) or "masks only",
            expected="one image for each session",
            remedy="choose with --bids_image one by its suffix or entities, among "
            f"{shortened(seen)}, or link the images that are meant into a folder of their own",
        )
    beside = _BESIDE if (root / _DESCRIPTION).is_file() else frozenset[str]()
    folders = frozenset(session.subject for session in sessions) | beside
    return BidsScans(scans, sorted(without), folders)


def is_bids_image(scan: RawScan) -> bool:
    """Whether a scan was found as an image of a session."""
    return scan.path.parent.name == _IMAGES and scan.path.name.startswith(f"{scan.participant_id}_")


@dataclass(frozen=True)
class _Session:
    """The images of one participant's session.

    Attributes:
        subject: The participant's folder.
        key: The session's id.
        images: The parts of each image's name, but for the id.
    """

    subject: str
    key: str
    images: dict[Path, frozenset[str]]


def _sessions(root: Path) -> list[_Session]:
    """All sessions of participants who have a folder `anat` at all."""
    found = []
    for subject in sorted(root.glob("sub-*")):
        if not _SUBJECT.fullmatch(subject.name):
            continue
        named = [p for p in sorted(subject.glob("ses-*")) if _SESSION.fullmatch(p.name)]
        places = [p for p in (subject, *named) if (p / _IMAGES).is_dir()]
        if places:
            places = named if places[0] != subject else [subject, *named]
            found += [_session(subject, place) for place in places]
    return found


def _session(subject: Path, place: Path) -> _Session:
    words = [subject.name] if place == subject else [subject.name, place.name]
    images = {}
    for path in sorted((place / _IMAGES).glob("sub-*")):
        ending = next((e for e in _READER.extensions if path.name.endswith(e)), None)
        if ending is not None:
            parts = frozenset(path.name.removesuffix(ending).split("_"))
            images[path] = parts - set(words)
    return _Session(subject.name, "_".join(words), images)
