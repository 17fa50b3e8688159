"""A series with a value of its own in every voxel, and the one line that refuses a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.dicom_series import make_volume
from tests.reading import read_dicom_header

from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_EMPTY = make_volume("LPS", shape=(40, 36, 5), tilt_degrees=9)
VOLUME = _EMPTY.with_array((np.arange(40 * 36 * 5) % 3001).astype(np.uint16).reshape(40, 36, 5))


def refusal(folder: Path, read: Callable[[Path], object] = read_dicom_header) -> str:
    with pytest.raises(InputError) as caught:
        read(folder)
    return str(caught.value)
