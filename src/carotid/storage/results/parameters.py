"""`parameters.json` of an output directory: one object per transform that has run there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError
from carotid.storage.results.atomic import write_json
from carotid.storage.results.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carotid.storage.results.layout import OutputLayout

_MAX_BYTES = 16 << 20


def read_parameters(path: Path) -> dict[str, Any]:
    """All transforms' parameters; empty where the file is absent.

    Raises:
        UsageError: Where the file cannot be read or is not a JSON object.
    """
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES), parse_constant=_no_number)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"the parameters of earlier transforms cannot be read: {error}",
            where=path,
            remedy="restore the file, or move it away if its content is not needed",
        ) from error
    if not isinstance(content, dict):
        raise UsageError(
            "the parameters of earlier transforms are not an object",
            where=path,
            remedy="restore the file, or move it away if its content is not needed",
        )
    return content


def _no_number(constant: str) -> float:
    message = f"{constant} is not JSON"
    raise ValueError(message)


def record_transforms(layout: OutputLayout, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write some transforms' objects; those of others stay as they are.

    Raises:
        UsageError: What is there cannot be read.
        OutputError: The file cannot be written.
    """
    with Lock(layout.work / "parameters.lock"):
        content = read_parameters(layout.parameters)
        if all(content.get(name) == entry for name, entry in entries.items()):
            return
        content.update({name: dict(entry) for name, entry in entries.items()})
        write_json(layout.parameters, content)
