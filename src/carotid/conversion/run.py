"""Converting a whole challenge: every participant's image to RAW_DIR, its contours beside it."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from carotid.conversion import miccai2020, miccai2022
from carotid.conversion.converted import SLICE_COLUMNS, SLICES_FILE
from carotid.counted import counted
from carotid.errors import CarotidError, UsageError
from carotid.storage.rescaling import FILE_NAME, Rescaling, read_rescaling
from carotid.storage.results.atomic import cannot_write, write_atomically, write_json
from carotid.storage.results.contours import save_contours
from carotid.storage.results.layout import CONTOUR_TRANSFORM, OutputLayout
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carotid.conversion.converted import Converted

logger = logging.getLogger(__name__)

ChallengeName = Literal["miccai2020", "miccai2022"]


@dataclass(frozen=True)
class Challenge:
    """How a challenge's files are converted.

    Attributes:
        find_participants: The participants' folders by id.
        convert: Writes a participant's image and reads its outlines.
        rescaling: What RAW_DIR says about intensities.
        image_suffix: What follows the id in the name of an image; empty for a folder.
    """

    find_participants: Callable[[Path], dict[str, Path]]
    convert: Callable[[Path, Path], Converted]
    rescaling: Rescaling
    image_suffix: str


CHALLENGES: dict[ChallengeName, Challenge] = {
    "miccai2020": Challenge(
        miccai2020.find_participants, miccai2020.convert, miccai2020.RESCALING, ""
    ),
    "miccai2022": Challenge(
        miccai2022.find_participants, miccai2022.convert, miccai2022.RESCALING, ".mha"
    ),
}


def convert_challenge(
    name: ChallengeName,
    original_dir: Path,
    raw_dir: Path,
    annotation_dir: Path,
    *,
    force: bool = False,
    on_participant: Callable[[str, str], None] = lambda *_: None,
) -> dict[str, str]:
    """Convert every participant of a challenge; one that fails does not stop the others.

    Args:
        name: Which challenge.
        original_dir: Its files.
        raw_dir: Receives images and `parameters.json`.
        annotation_dir: Receives `<id>/contour_transform`.
        force: Whether participants that are there already are done again.
        on_participant: Told each id, with what was made of it.

    Returns:
        Why participants failed, by id.

    Raises:
        UsageError: Nothing was touched.
        OutputError: `parameters.json` cannot be written.
    """
    challenge = CHALLENGES[name]
    if not original_dir.is_dir():
        raise UsageError("there is no such folder", where=original_dir)
    participants = challenge.find_participants(original_dir)
    if not participants:
        raise UsageError(f"the folder holds no participants of {name}", where=original_dir)
    layout = OutputLayout(annotation_dir)
    images = {one: raw_dir / f"{one}{challenge.image_suffix}" for one in participants}
    if not force:
        _refuse_existing(images, layout)
    _write_rescaling(raw_dir, challenge.rescaling)
    failed = {}
    for participant_id, folder in participants.items():
        try:
            made = _convert(challenge, folder, images[participant_id], layout, participant_id)
        except CarotidError as error:
            logger.error("%s: %s", participant_id, error)  # noqa: TRY400 - the message is enough
            failed[participant_id] = str(error)
            continue
        on_participant(participant_id, made)
    return failed


def _refuse_existing(images: dict[str, Path], layout: OutputLayout) -> None:
    there = [
        one
        for one, image in images.items()
        if image.exists() or layout.transform(one, CONTOUR_TRANSFORM).exists()
    ]
    if there:
        raise UsageError(
            "participants are there already",
            where=f"{next(iter(images.values())).parent}, {layout.root}",
            found=", ".join(there[:10]) + (" and more" if len(there) > 10 else ""),
            remedy="use other folders, or --force to do them again",
        )


def _write_rescaling(raw_dir: Path, rescaling: Rescaling) -> None:
    """Say how intensities are rescaled, unless the folder says so already.

    Raises:
        UsageError: It says something else: scans of another source are there.
    """
    path = raw_dir / FILE_NAME
    if path.exists():
        found = read_rescaling(raw_dir)
        if found != rescaling:
            raise UsageError(
                "the folder's scans are rescaled in another way",
                where=path,
                found=found.in_words(),
                expected=rescaling.in_words(),
                remedy="use a folder of its own for each challenge",
            )
        return
    try:
        raw_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(raw_dir, error) from error
    write_json(path, _as_json(rescaling))


def _as_json(rescaling: Rescaling) -> dict[str, object]:
    facts = asdict(rescaling)
    return {
        "rescale": facts["rescale"],
        "lower_percentile_rescaler": facts["lower_percentile"],
        "upper_percentile_rescaler": facts["upper_percentile"],
    }


def _convert(
    challenge: Challenge, folder: Path, image: Path, layout: OutputLayout, participant_id: str
) -> str:
    """Convert one participant; what was made, in words."""
    slot = Slot(layout, participant_id, CONTOUR_TRANSFORM)
    temporary = image.with_name(f".{image.name}.part")
    slot.acquire(wait=True)
    try:
        _remove(temporary)
        try:
            converted = challenge.convert(folder, temporary)
            if converted.contours is not None:
                work = slot.open()
                save_contours(converted.contours, work)
                if converted.judged:
                    rows = ["\t".join(SLICE_COLUMNS), *(one.row() for one in converted.judged)]
                    write_atomically(work / SLICES_FILE, ("\n".join(rows) + "\n").encode())
            _remove(image)
            temporary.rename(image)
        except OSError as error:
            raise cannot_write(image, error) from error
        if converted.contours is None:
            logger.warning("%s: no outlines; its image alone was written", participant_id)
            return "image without outlines"
        slot.publish()
    finally:
        slot.release()
        _remove(temporary)
    left, right = len(converted.contours.left), len(converted.contours.right)
    return f"image, {counted(left, 'slice')} outlined on the left and {right} on the right"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
