"""The directories of an algorithm on a platform for challenges: what comes in, what goes out.

`inputs.json` lists what the platform hands in. An entry names its socket: a short name, a path
below the input directory, and a kind. Images are MetaImage files in a folder of their own. What
comes out lies below the output directory: images in folders named after their sockets, other values
as JSON.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.counted import counted
from carotid.errors import OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

INPUTS_FILE = "inputs.json"
SEGMENTATION = "carotid-segmentation"
MEASUREMENTS = "carotid-measurements"

_MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class Socket:
    """Something that is handed in.

    Attributes:
        slug: Its short name.
        relative_path: Where it lies below the input directory.
        is_image: Whether it is an image.
    """

    slug: str
    relative_path: str
    is_image: bool


def read_sockets(input_dir: Path) -> list[Socket]:
    """What `inputs.json` lists.

    Raises:
        UsageError: There is no such file, or it is no such list.
    """
    path = input_dir / INPUTS_FILE
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
        return [_socket(entry) for entry in content]
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"the list of inputs cannot be read: {type(error).__name__}: {error}",
            where=path,
            expected="a list of objects with a socket each, as platforms for challenges write it",
        ) from error


def _socket(entry: dict[str, Any]) -> Socket:
    found = entry["socket"] if "socket" in entry else entry["interface"]  # its former name
    kind = str(found.get("super_kind", found.get("kind", ""))).lower()
    path = str(found["relative_path"])
    return Socket(str(found["slug"]), path, kind == "image" or path.startswith("images/"))


def find_image(input_dir: Path, slug: str | None = None) -> Path:
    """The one scan that is handed in.

    Args:
        input_dir: The input directory.
        slug: The socket that is meant, where there are several images.

    Raises:
        UsageError: There is none, or there are several.
    """
    sockets = [one for one in read_sockets(input_dir) if one.is_image]
    named = [one for one in sockets if slug in (None, one.slug)]
    if len(named) != 1:
        raise UsageError(
            "one image is to be handed in",
            where=input_dir / INPUTS_FILE,
            found=", ".join(one.slug for one in sockets) or "none",
            expected=slug or "one socket of an image",
            remedy="say which one with --socket" if named else None,
        )
    folder = (input_dir / named[0].relative_path).resolve()
    if input_dir.resolve() not in folder.parents:
        raise UsageError("the socket's path leads out of the input directory", where=folder)
    files = sorted(one for one in folder.glob("*.mha") if one.is_file())
    if len(files) != 1:
        raise UsageError(
            "the socket's folder is to hold one image",
            where=folder,
            found=f"{counted(len(files), 'file')} *.mha",
        )
    return files[0]


def hand_out(output_dir: Path, name: str, labels: Path, measurements: object) -> None:
    """Put results where the platform looks for them.

    Args:
        output_dir: The output directory.
        name: The image's file name.
        labels: The label map, as it was written.
        measurements: What goes to JSON.

    Raises:
        OutputError: They cannot be written.
    """
    place = output_dir / "images" / SEGMENTATION / name
    text = json.dumps(measurements, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(labels, place)
        (output_dir / f"{MEASUREMENTS}.json").write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"the results cannot be written: {error}", where=output_dir) from error
