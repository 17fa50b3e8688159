"""Which section of a configuration file tells how to train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path


def check_section(sections: Collection[str], wanted: Sequence[str], where: Path) -> None:
    """Refuse a file that holds settings, but none for this training; an empty one is allowed.

    Args:
        sections: Those of the file.
        wanted: The names under which this training's may stand; the usual one first.
        where: The file.

    Raises:
        ConfigurationError: There are others only.
    """
    if sections and not set(sections) & set(wanted):
        raise ConfigurationError(
            f"no section [{wanted[0]}] in the file",
            where=where,
            found=", ".join(f"[{name}]" for name in sections),
            remedy="give the settings of this training, or leave the file out to take the "
            "package's defaults",
        )
