"""Whatever stands in a contour table, its metadata or a drawing: contours, or a clear error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from tests.faults.test_fuzz import few, json_values, many, must_be_clear, numbers

from carotid.artifacts import Contours
from carotid.conversion.qvas import read_project, read_series
from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters
from carotid.storage.results.contours import load_contours, load_side
from carotid.storage.results.grids import read_grids
from carotid.storage.results.polar import load_polar

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid((20, 20, 6), np.eye(4))
SOUND = "label\tobject\tx\ty\tz\tdeviation\tnorm_deviation\ninternal\tlumen\t1\t2\t3\t\t"

cells = (
    st.sampled_from(
        ["internal", "external", "lumen", "wall", "", "nan", "inf", "1e999", "3.0", "4"]
    )
    | numbers.map(str)
    | st.text(max_size=8)
)
rows = st.lists(cells, max_size=8).map("\t".join)
sound_rows = st.tuples(
    st.sampled_from(["internal", "external"]),
    st.sampled_from(["lumen", "wall"]),
    st.floats(-1e6, 1e6),
    st.floats(-30, 30),
    st.integers(0, 5),
).map(lambda row: "\t".join(map(str, (*row, "", ""))))
tables = st.lists(rows | sound_rows, max_size=8).map(lambda lines: "\n".join([SOUND, *lines]))


def any_table(tmp_path: Path, text: str) -> None:
    path = tmp_path / "left_contour.tsv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        sections = load_side(tmp_path, "left", GRID)
    except InputError as error:
        must_be_clear(error, str(path))
        return
    made = fill_contours(Contours(sections, (), GRID, GRID), SegmentationParameters())
    assert made.masks("left").max() <= 1


test_any_contour_table = few(any_table, text=tables | st.text(max_size=60))
test_any_of_many_contour_tables = many(any_table, text=tables | st.text(max_size=60))


metadata = (
    st.fixed_dictionaries(
        {
            "orig_shape": st.just([4, 5, 6]) | json_values,
            "affine": st.just(np.eye(4).tolist()) | json_values,
        },
        optional={
            "stored_shape": st.just([4, 5, 6]) | json_values,
            "stored_affine_ras_mm": st.just(np.eye(4).tolist()) | json_values,
            "n_angles": json_values,
            "polar_ray": json_values,
            "cartesian_ray": json_values,
            "length": json_values,
            "sampling": json_values,
        },
    ).map(json.dumps)
    | json_values.map(json.dumps)
    | st.text(max_size=40)
)


def any_metadata(tmp_path: Path, text: str) -> None:
    path = tmp_path / "spatial_metadata.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for side in ("left", "right"):
        (tmp_path / f"{side}_polar").mkdir(exist_ok=True)
        (tmp_path / f"{side}_polar" / "parameters.json").write_bytes(path.read_bytes())
        (tmp_path / f"{side}_contour.tsv").write_text(SOUND.splitlines()[0] + "\n")
    reads: list[Any] = [load_contours, load_polar, lambda _: read_grids(path)]
    for read in reads:
        try:
            read(tmp_path)
        except InputError as error:
            must_be_clear(error, str(tmp_path))


test_any_metadata = few(any_metadata, text=metadata)
test_any_of_many_metadata = many(any_metadata, text=metadata)


names = st.sampled_from(
    ["QVAS_Series", "QVAS_Image", "QVAS_Contour", "Contour_Point", "Point", "ContourType",
     "QVAS_Project", "QVASSeriesFileName", "Location", "IQ", "BifurcationImageIndex", "other"]
)  # fmt: skip
attributes = st.dictionaries(
    st.sampled_from(["x", "y", "ImageName", "Index", "ImageIndex"]),
    (cells | numbers.map(str)).map(
        lambda text: "".join(c for c in text if c.isalnum() or c in ".-")
    ),
    max_size=2,
).map(lambda found: "".join(f' {key}="{value}"' for key, value in found.items()))
elements: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(["Lumen", "Outer Wall", "2", "", "<", "&x;"]),
    lambda inner: st.builds(
        lambda name, given, parts: f"<{name}{given}>{''.join(parts)}</{name}>",
        names,
        attributes,
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)
drawings = st.builds(
    lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
    st.sampled_from(["QVAS_Series", "QVAS_Project"]),
    st.lists(elements, max_size=4),
)


def any_drawing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.QVS"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    reads: list[Any] = [read_series, read_project]
    for read in reads:
        try:
            read(path)
        except InputError as error:
            must_be_clear(error, str(path))


test_any_drawing = few(any_drawing, text=drawings | st.text(max_size=60))
test_any_of_many_drawings = many(any_drawing, text=drawings | st.text(max_size=60))
