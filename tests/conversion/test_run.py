"""Converting whole challenges: what is refused, what is redone, and who is passed over."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.command import contents, run_carotid

from carotid.conversion.miccai2020 import find_participants
from carotid.conversion.miccai2022 import without_padding
from carotid.conversion.run import convert_challenge
from carotid.errors import InputError, UsageError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.results.contours import load_contours

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[1] / "golden" / "convert"


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """The participants of 2020, to be spoiled."""
    return Path(shutil.copytree(GOLDEN / "miccai2020" / "original", tmp_path / "original"))


@pytest.fixture
def original_2022(tmp_path: Path) -> Path:
    """The participants of 2022, to be spoiled."""
    return Path(shutil.copytree(GOLDEN / "miccai2022" / "original", tmp_path / "original"))


def converted(original: Path, name: str = "miccai2020", **given: bool) -> dict[str, str]:
    place = original.parent
    return convert_challenge(name, original, place / "raw", place / "contours", **given)  # type: ignore[arg-type]


def test_what_is_there_is_not_replaced_without_force(original: Path) -> None:
    assert not converted(original)
    before = contents(original.parent)
    with pytest.raises(UsageError, match="there already") as caught:
        converted(original)
    assert "sub-MICCAI2020P101" in str(caught.value)
    assert contents(original.parent) == before
    (original.parent / "raw" / "sub-MICCAI2020P101" / "old.dcm").touch()
    assert not converted(original, force=True)
    assert contents(original.parent) == before


def test_participants_of_one_case_are_refused(original: Path) -> None:
    (original / "3_P102_V").mkdir()
    with pytest.raises(UsageError, match="0_P102_U and 3_P102_V"):
        converted(original)
    assert not (original.parent / "raw").exists()


def test_folders_with_other_names_are_passed_over(
    original: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (original / "notes").mkdir()
    (original / "1_P7_U").mkdir()
    assert list(find_participants(original)) == [
        "sub-MICCAI2020P101", "sub-MICCAI2020P102", "sub-MICCAI2020P103", "sub-MICCAI2020P7",
    ]  # fmt: skip
    assert "notes: not named like" in caplog.text


def test_one_that_fails_does_not_stop_the_others(original: Path) -> None:
    path = next((original / "0_P102_U" / "CASCADE-ICAL").glob("*.QVS"))
    path.write_text(path.read_text().replace('x="', 'x="?', 1))
    run = run_carotid(
        "convert", "miccai2020", original, original.parent / "raw", original.parent / "contours"
    )
    assert run.returncode == 1
    assert "sub-MICCAI2020P102: " in run.stderr
    assert "Traceback" not in run.stderr
    assert path.name in run.stderr
    names = sorted(path.name for path in (original.parent / "raw").iterdir())
    assert names == ["parameters.json", "sub-MICCAI2020P101", "sub-MICCAI2020P103"]
    assert not (original.parent / "contours" / "sub-MICCAI2020P102").exists()


def test_one_side_alone_is_written(original: Path) -> None:
    shutil.rmtree(original / "0_P101_U" / "CASCADE-ICAR")
    shutil.rmtree(original / "0_P101_U" / "CASCADE-ECAR")
    assert not converted(original)
    found = load_contours(original.parent / "contours" / "sub-MICCAI2020P101" / "contour_transform")
    assert found.left
    assert not found.right


def test_without_outlines_the_image_alone_is_written(
    original: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for vessel in (original / "0_P102_U").glob("CASCADE-*"):
        shutil.rmtree(vessel)
    assert not converted(original)
    assert "sub-MICCAI2020P102: no outlines" in caplog.text
    assert (original.parent / "raw" / "sub-MICCAI2020P102").is_dir()
    assert not (original.parent / "contours" / "sub-MICCAI2020P102").exists()


def test_a_slice_without_one_outline_is_left_out_and_told(
    original: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not converted(original)
    assert "has no outer wall and is left out" in caplog.text


def test_an_image_of_no_slice_is_named(original: Path) -> None:
    path = next((original / "0_P103_U" / "CASCADE-ICAR").glob("*.QVS"))
    path.write_text(path.read_text().replace("EP103S101I", "EP999S101J"))
    failed = converted(original)
    assert "is of no slice" in failed["sub-MICCAI2020P103"]


def test_an_image_without_its_file_is_found_by_its_number(original: Path) -> None:
    path = next((original / "0_P103_U" / "CASCADE-ICAR").glob("*.QVS"))
    assert not converted(original)
    place = original.parent / "contours" / "sub-MICCAI2020P103" / "contour_transform"
    before = contents(place)
    path.write_text(path.read_text().replace("EP103S101I", "EP999S101I"))
    assert not converted(original, force=True)
    assert contents(place) == before


def test_two_qvs_files_of_one_artery_are_refused(original: Path) -> None:
    vessel = original / "0_P103_U" / "CASCADE-ICAR"
    shutil.copy(next(vessel.glob("*.QVS")), vessel / "other.QVS")
    assert "several QVS files" in converted(original)["sub-MICCAI2020P103"]


def test_scans_that_are_rescaled_in_another_way_are_not_joined(original: Path) -> None:
    raw = original.parent / "raw"
    raw.mkdir()
    (raw / "parameters.json").write_text('{"rescale": false, "lower_percentile_rescaler": 0, '
                                         '"upper_percentile_rescaler": 100}')  # fmt: skip
    words = (
        r"rescaled in another way .found intensities as they are, "
        r"expected intensities rescaled between the \S+th and \S+th percentile"
    )
    with pytest.raises(UsageError, match=words):
        converted(original)


@pytest.mark.parametrize(
    ("raw", "contours"), [("original", "b"), ("a", "original/b"), ("a", "a/b")]
)
def test_directories_that_overlap_are_refused(raw: str, contours: str, original: Path) -> None:
    before = contents(original)
    place = original.parent
    run = run_carotid("convert", "miccai2020", original, place / raw, place / contours)
    assert run.returncode == 2
    assert contents(original) == before


@pytest.mark.parametrize("name", ["miccai2020", "miccai2022"])
def test_an_empty_or_missing_folder_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        with pytest.raises(UsageError, match=folder):
            converted(tmp_path / folder, name)


def test_slices_that_are_not_square_are_refused(original_2022: Path) -> None:
    for path in (original_2022 / "12").iterdir():
        path.unlink()
    for path in (GOLDEN / "miccai2020" / "original" / "0_P103_U").glob("*.dcm"):
        shutil.copy(path, original_2022 / "12")
    assert "not square" in converted(original_2022, "miccai2022")["sub-MICCAI2022P12"]


def test_more_images_than_slices_are_named(original_2022: Path) -> None:
    path = original_2022 / "12" / "E12S301_R.QVS"
    text = path.read_text()
    start, end = text.index("<QVAS_Image"), text.index("</QVAS_Image>") + len("</QVAS_Image>")
    path.write_text(text[:start] + text[start:end] * 11 + text[start:])
    assert "is of no slice" in converted(original_2022, "miccai2022")["sub-MICCAI2022P12"]


def test_a_project_whose_series_is_missing_is_named(original_2022: Path) -> None:
    (original_2022 / "7" / "E7S301_L.QVS").unlink()
    assert "E7S301_L.QVS" in converted(original_2022, "miccai2022")["sub-MICCAI2022P7"]


def test_padding_is_cut_at_the_ends_alone() -> None:
    array = np.ones((4, 10, 3), np.int16)
    array[:, :2] = array[:, 4:6] = array[:, 9:] = 0
    for order, axis in (((0, 1, 2), 1), ((1, 0, 2), 0)):
        affine = np.eye(4)[:, [*order, 3]]
        turned = array.transpose(order)
        volume = Volume(turned, Grid(turned.shape, affine))
        cropped, low = without_padding(volume, Path("here"))
        assert low == 2
        assert cropped.array.shape[axis] == 7
        assert cropped.orientation == volume.orientation
        corner = np.zeros(3)
        shifted = corner.copy()
        shifted[axis] = 2
        np.testing.assert_allclose(
            cropped.grid.world_from_index(corner), volume.grid.world_from_index(shifted)
        )


def test_an_image_of_zeros_is_refused() -> None:
    with pytest.raises(InputError, match="all voxels"):
        without_padding(Volume(np.zeros((3, 3, 3)), Grid((3, 3, 3), np.eye(4))), Path("here"))


def spelled_differently(original: Path) -> None:
    for path in [*original.rglob("CASCADE-*"), *original.rglob("*.QVJ")]:
        path.rename(path.with_name(path.name.lower()))
    for path in original.rglob("*.QVS"):
        text = (
            path.read_text().replace(">Outer Wall<", ">outer wall<").replace(">Lumen<", ">LUMEN<")
        )
        path.write_text(text)


@pytest.mark.parametrize("name", ["miccai2020", "miccai2022"])
def test_the_case_of_letters_does_not_matter(name: str, tmp_path: Path) -> None:
    """Archives lose it; an artery that is not looked for would be missing without a word."""
    made = []
    for place in ("as_it_is", "other_case"):
        original = tmp_path / place / "original"
        shutil.copytree(GOLDEN / name / "original", original)
        if place == "other_case":
            spelled_differently(original)
        assert not converted(original, name)
        made.append(contents(tmp_path / place / "contours"))
    assert made[0] == made[1]


def first_outline(original: Path, change: Callable[[list[str]], list[str]]) -> Path:
    """Change the points of the first outline of a file."""
    path = sorted(original.rglob("*.QVS"))[0]
    text = path.read_text()
    begin = text.index("<Contour_Point>") + len("<Contour_Point>")
    end = text.index("</Contour_Point>")
    points = re.findall(r"<Point [^>]*/>", text[begin:end])
    path.write_text(text[:begin] + "".join(change(points)) + text[end:])
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: [], "has 0 points of its lumen"),
        (lambda points: points[:2], "has 2 points of its lumen"),
        (lambda points: points[:1] * 30, "has 1 point of its lumen"),
        (lambda points: [*points, '<Point x="1e300" y="5"/>'], "outside of the image"),
        (lambda points: [*points, '<Point x="-99" y="5"/>'], "outside of the image"),
        (
            lambda _: [
                f'<Point x="{x}" y="{y}"/>' for x, y in ((200, 200), (320, 200), (320, 320))
            ],
            "a lumen that is larger than its wall",
        ),
    ],
)
def test_outlines_that_cannot_be_an_arterys_are_left_out_with_a_word(
    original: Path,
    change: Callable[[list[str]], list[str]],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first_outline(original, change)
    assert not converted(original)
    assert words in caplog.text


def test_what_may_be_a_participant_is_named(
    original: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (original / "0_P9_U.zip").touch()
    (original / "0_P8_U").symlink_to("/mnt/gone")
    (original / "README.txt").touch()
    assert not converted(original)
    assert "0_P9_U.zip: not a folder; left out" in caplog.text
    assert "0_P8_U: not a folder; left out" in caplog.text
    assert "README" not in caplog.text


def test_slices_that_cannot_be_used_are_named_where_they_are(original: Path) -> None:
    """Not where they were copied to, which is removed."""
    slices = sorted((original / "0_P101_U").glob("*.dcm"))
    slices[1].unlink()
    slices[1].symlink_to("/mnt/gone")
    reason = converted(original)["sub-MICCAI2020P101"]
    assert f"{slices[1]}: the link leads to a file that does not exist" in reason
    slices[1].unlink()
    reason = converted(original, force=True)["sub-MICCAI2020P101"]
    assert reason.startswith(f"{original / '0_P101_U'}: a slice is missing")
