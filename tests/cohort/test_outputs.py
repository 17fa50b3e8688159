"""Where results may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carotid.cohort.outputs import check_output_dir
from carotid.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("below", ["", "study/out"])
@pytest.mark.parametrize("make", [False, True])
def test_a_link_to_a_disk_that_is_not_mounted_is_refused(
    tmp_path: Path, below: str, *, make: bool
) -> None:
    """The folder that it leads to would be made on another disk, and hidden by the right one."""
    (tmp_path / "disk").symlink_to(tmp_path / "mnt" / "gone")
    with pytest.raises(UsageError, match=r"behind a link that leads nowhere .found a link to"):
        check_output_dir(tmp_path / "disk" / below, [], make=make)
    assert not (tmp_path / "mnt").exists()


def test_a_link_to_a_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    check_output_dir(tmp_path / "link" / "out", [], make=True)
    assert (tmp_path / "real" / "out").is_dir()
