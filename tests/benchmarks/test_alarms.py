from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.alarms import (
    FALSE_STENOSIS,
    TOLD,
    UNTOLD,
    Seen,
    read_tables,
    read_warnings,
    table,
)

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.sides import SideName

LOG = """carotid: warning: n-1: left internal: nothing is darker: the artery may be occluded, look
carotid: warning: n-10: right internal: the heatmaps hardly show it over 6 mm (slices 3 to 9)
carotid: warning: other: left internal: the artery may be occluded
carotid: device: cpu
"""


def test_a_stenosis_is_false_where_there_is_none_in_truth() -> None:
    nan = float("nan")
    assert Seen(found=21, true=9).is_false_stenosis
    assert Seen(found=53, true=nan).is_false_stenosis, "occluded"
    assert not Seen(found=21, true=12).is_false_stenosis
    assert not Seen(found=19, true=nan).is_false_stenosis
    assert not Seen(found=nan, true=nan).is_false_stenosis
    assert Seen(found=21, true=0).names == {FALSE_STENOSIS, UNTOLD}
    assert Seen({"may be occluded"}, 21, 0).names == {"may be occluded", TOLD, FALSE_STENOSIS}


def test_warnings_and_flags_are_counted_by_side(tmp_path: Path) -> None:
    seen: dict[tuple[str, SideName], Seen] = {
        ("n-1", "left"): Seen(fault="occluded"),
        ("n-1", "right"): Seen(true=3.0),
        ("n-10", "right"): Seen(true=-2.0),
        ("n-10", "left"): Seen(true=-2.0),
    }
    read_warnings(LOG, seen)
    quality = ("participant_id", "score", "side", "centerline_short_mm", "centerline_faint_mm",
               "contour_no_lumen_mm", "centerline_score", "contour_score")  # fmt: skip
    rows = [
        ("n-1", "30.00", "left", "3.00", "0.00", "24.00", "0.00", "30.00"),
        ("n-1", "30.00", "right", "", "", "", "0.00", "14.90"),
        ("n-10", "14.00", "right", "16.00", "6.00", "0.00", "30.00", "0.00"),
    ]
    lines = ["\t".join(one) for one in (quality, *rows)]
    (tmp_path / "quality.tsv").write_text("\n".join(lines))
    stenoses = [
        ("n-1", "left", "internal", ""),
        ("n-1", "right", "internal", "31.2"),
        ("n-1", "right", "external", "99"),
        ("n-10", "right", "internal", "-1"),
    ]
    head = ("participant_id", "side", "segment", "stenosis_nascet_percent")
    (tmp_path / "arteries.tsv").write_text("\n".join("\t".join(one) for one in (head, *stenoses)))
    read_tables(tmp_path, seen)
    told = table("n", list(seen.values()))
    assert told[0] == "| n | 1 occluded sides | 3 other sides |"
    assert told[-1] == "1 of 2 necks are check or doubtful"
    counts = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in told}
    assert counts["may be occluded"] == ["1", "0"]
    assert counts["heatmaps hardly show it"] == ["0", "1"]
    assert counts["centerline_short_mm from 15 on"] == ["0", "1"]
    assert counts["contour_no_lumen_mm from 10 on"] == ["1", "0"]
    assert counts["score of contours from 15 on"] == ["1", "0"]
    assert counts["score of centerlines from 15 on"] == ["0", "1"]
    assert counts[TOLD] == ["1", "1"]
    assert counts[FALSE_STENOSIS] == ["0", "1"]
    assert counts[UNTOLD] == ["0", "1"]
    assert counts["largest NASCET (true)"] == ["none", "31 % (3 %)"]
