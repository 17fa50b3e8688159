"""Whatever stands in a header or settings file: values of the right kind, or a clear error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reading import read_metaimage
from tests.storage.metaimage.files import VOXELS, header_lines

from carotid.errors import ConfigurationError, InputError, UsageError
from carotid.geometry.grid import CANONICAL
from carotid.stages.catalog import read_settings, stage_named
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.storage.rescaling import FILE_NAME, read_rescaling
from carotid.storage.results.parameters import read_parameters

if TYPE_CHECKING:
    from pathlib import Path

FEW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=3000)

numbers = st.integers(-3, 400) | st.integers() | st.floats()
words = (
    numbers.map(str)
    | st.sampled_from(["True", "False", "LOCAL", "LIST", "MET_SHORT", "MET_FLOAT", "?", "", "1 2"])
    | st.text(max_size=12)
)
values = st.lists(words, max_size=10).map(" ".join)
keys = st.sampled_from(
    [
        *header_lines(),
        *("CompressedDataSize", "HeaderSize", "ElementNumberOfChannels", "Position", "Origin"),
        *("Orientation", "Rotation", "ElementSize", "ElementByteOrderMSB", "Comment", "Nonsense"),
    ]
) | st.text(max_size=8)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def few(check: Any, **strategies: Any) -> Any:
    """A test that everything drawn passes a check."""
    return FEW(given(**strategies)(check))


def many(check: Any, **strategies: Any) -> Any:
    """The same with many more drawn."""
    return pytest.mark.faults(MANY(given(**strategies)(check)))


def must_be_clear(error: Exception, place: str) -> None:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 3000
    assert place in text


def any_header(tmp_path: Path, lines: dict[str, str], extra: list[str], body: bytes) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in lines.items() if key != "ElementDataFile")
    text += "".join(f"{line}\n" for line in extra)
    text += f"ElementDataFile = {lines.get('ElementDataFile', 'LOCAL')}\n"
    path = tmp_path / "x.mha"
    path.write_bytes(text.encode("utf-8", "surrogatepass") + body)
    try:
        volume = read_metaimage(path)
    except InputError as error:
        must_be_clear(error, str(path))
        return
    assert volume.array.shape == volume.grid.shape
    assert volume.array.nbytes <= len(body) * 1100
    assert np.isfinite(volume.grid.affine).all()
    assert volume.reoriented(CANONICAL).array.size == volume.array.size


headers = {
    "lines": st.dictionaries(keys, values, max_size=3).map(lambda new: header_lines() | new),
    "extra": st.lists(values, max_size=2),
    "body": st.sampled_from([VOXELS.tobytes(), b"", VOXELS.tobytes() * 2]),
}


test_any_header = few(any_header, **headers)
test_any_of_many_headers = many(any_header, **headers)


toml_values = (
    numbers.map(str)
    | st.booleans().map(lambda flag: str(flag).lower())
    | st.lists(numbers.map(str), max_size=4).map(lambda items: f"[{', '.join(items)}]")
    | st.text(max_size=10).map(json.dumps)
    | st.text(max_size=10)
)
toml_lines = (
    st.builds(
        "{} = {}".format,
        st.sampled_from(["roi_size", "spacing", "overlap", "roi_sise", "heatmap_transform.overlap"])
        | st.text(max_size=6),
        toml_values,
    )
    | st.sampled_from(["[heatmap_transform]", "[polar_transform]", "[[heatmap_transform]]", "["])
    | st.text(max_size=20)
)
toml_files = st.lists(toml_lines, max_size=6).map(
    lambda lines: "\n".join(["[heatmap_transform]", *lines])
)


def any_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        parameters = read_settings([stage_named("heatmap")], path)["heatmap"]
    except ConfigurationError as error:
        must_be_clear(error, str(path))
        return
    assert isinstance(parameters, HeatmapParameters)
    assert all(side % 16 == 0 and side > 0 for side in parameters.roi_size)
    assert 0 <= parameters.overlap < 1
    assert parameters.spacing in (True, False)


test_any_configuration = few(any_configuration, text=toml_files | st.text(max_size=60))
test_any_of_many_configurations = many(any_configuration, text=toml_files | st.text(max_size=60))


settings_files = (
    st.fixed_dictionaries(
        {},
        optional={
            "rescale": json_values,
            "lower_percentile_rescaler": json_values,
            "upper_percentile_rescaler": json_values,
            "more": json_values,
        },
    ).map(json.dumps)
    | json_values.map(json.dumps)
    | st.text(max_size=40)
)


def any_settings(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        rescaling = read_rescaling(tmp_path)
    except ConfigurationError as error:
        must_be_clear(error, FILE_NAME)
    else:
        assert 0 <= rescaling.lower_percentile < rescaling.upper_percentile <= 100
    try:
        earlier = read_parameters(tmp_path / FILE_NAME)
    except UsageError as error:
        must_be_clear(error, FILE_NAME)
    else:
        assert isinstance(earlier, dict)


test_any_settings = few(any_settings, text=settings_files)
test_any_of_many_settings = many(any_settings, text=settings_files)
