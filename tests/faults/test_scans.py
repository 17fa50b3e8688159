"""Every scan that cannot be used: one clear line, no result, and the others are done."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.command import unfinished
from tests.faults.bad_scans import METAIMAGE, NIFTI, VOXEL_ROWS
from tests.faults.bad_series import DICOM
from tests.faults.harness import MEMORY_LIMIT_BYTES, Place, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORMATS = {"MetaImage": METAIMAGE, "voxels": VOXEL_ROWS, "NIfTI": NIFTI, "DICOM": DICOM}
FIRST, LAST = "0 first good one", "zz last good one"


@pytest.mark.parametrize("kind", FORMATS)
def test_bad_scans_fail_alone(kind: str, tmp_path: Path) -> None:
    rows: dict[str, tuple[Callable[[Path, str], object], str]] = FORMATS[kind]
    place = Place.made(tmp_path, [FIRST, LAST])
    for name, (write, _) in rows.items():
        write(place.raw, name)
    before = place.inputs()

    ran = run(place.arguments, tmp_path)

    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.said
    assert "Warning" not in ran.said, "another library's warning came through"
    assert place.inputs() == before
    assert ran.peak_bytes < MEMORY_LIMIT_BYTES
    done = {FIRST, LAST} | {name for name, (_, words) in rows.items() if not words}
    problems = [f"{name}: not done" for name in done - set(place.complete())]
    problems += [f"{name}: has a result" for name in set(place.complete()) - done]
    table = json.loads((place.out / "summary.json").read_text())["heatmap_transform"][
        "participants"
    ]
    assert len(table) == len(rows) + 2
    for row in table:
        name, reason = row["participant_id"], row["reason"]
        if name in done:
            continue
        words = rows[name][1]
        lines = [
            line for line in ran.out.splitlines() if re.match(rf"{re.escape(name)} +failed ", line)
        ]
        if [line for line in lines if line.endswith(reason)] != lines[:1] or len(lines) != 1:
            problems.append(f"{name}: not one line: {lines}")
        if str(place.raw) not in reason or "unexpected" in reason or len(reason) > 900:
            problems.append(f"{name}: not clear: {reason}")
        if not re.search(words, reason):
            problems.append(f"{name}: expected '{words}' in: {reason}")
    assert not problems, "\n".join(problems)
    assert unfinished(place.out) == []
    assert len(list(tmp_path.iterdir())) <= 7, "nothing is written beside the output directory"
