"""QVS and QVJ files are read without trust, and what is wrong in them is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.conversion.qvas import LUMEN, OUTER_WALL, Location, read_project, read_series
from carotid.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def outline(kind: str, *points: tuple[object, object]) -> str:
    drawn = "".join(f'<Point x="{x}" y="{y}"/>' for x, y in points)
    return (
        "<QVAS_Contour><Snake_Point><Point x='1' y='1'/></Snake_Point>"
        f"<Contour_Point>{drawn}</Contour_Point><ContourType>{kind}</ContourType></QVAS_Contour>"
    )


def series(path: Path, *images: str, root: str = 'QVAS_Series xmlns="vil.rad"') -> Path:
    body = "".join(
        f'<QVAS_Image xmlns="" ImageName="E1S1I{k}">{image}</QVAS_Image>'
        for k, image in enumerate(images, 1)
    )
    path.write_text(f"<?xml version='1.0'?><{root}>{body}</{root.split()[0]}>")
    return path


TRIANGLE = ((0, 0), (128, 0), (0, 256))


def test_the_first_outline_of_each_type_counts(tmp_path: Path) -> None:
    many = (
        outline("Calcification", *TRIANGLE)
        + outline(OUTER_WALL, *TRIANGLE)
        + outline(LUMEN, (1, 1), (2, 1), (2, 2))
        + outline(LUMEN, (9, 9), (8, 9), (8, 8))
    )
    first, second = read_series(series(tmp_path / "a.QVS", "", many))
    assert (first.place, first.name, first.outlines) == (0, "E1S1I1", {})
    assert (second.place, set(second.outlines)) == (1, {LUMEN, OUTER_WALL})
    np.testing.assert_array_equal(second.outlines[LUMEN], [[1, 1], [2, 1], [2, 2]])


def test_a_point_that_repeats_the_one_before_is_dropped(tmp_path: Path) -> None:
    points = ((0, 0), (0, 0), (5, 0), (5, 0), (5, 5), (0, 0))
    (image,) = read_series(series(tmp_path / "a.QVS", outline(LUMEN, *points)))
    np.testing.assert_array_equal(image.outlines[LUMEN], [[0, 0], [5, 0], [5, 5], [0, 0]])


def test_pixels_lie_in_the_middle_of_the_square(tmp_path: Path) -> None:
    (image,) = read_series(series(tmp_path / "a.QVS", outline(LUMEN, (0, 256), (512, 384))))
    wide = image.pixels(LUMEN, 720, 101)
    np.testing.assert_allclose(wide, [[0, 360 - 309], [720, 540 - 309]])
    high = image.pixels(LUMEN, 100, 200)
    np.testing.assert_allclose(high, [[-50, 100], [150, 150]])


def test_names_with_and_without_a_namespace_are_the_same(tmp_path: Path) -> None:
    text = outline(LUMEN, *TRIANGLE)
    for root in ("QVAS_Series", 'QVAS_Series xmlns="x"'):
        (image,) = read_series(series(tmp_path / "a.QVS", text, root=root))
        assert len(image.outlines[LUMEN]) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a usable XML"),
        ("<QVAS_Series><a></QVAS_Series>", "not a usable XML"),
        ("<html/>", "another kind of file"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><QVAS_Series/>", "document type"),
        ("<?xml version='1.0' encoding='no-such'?><QVAS_Series/>", "not a usable XML"),
    ],
)
def test_files_that_are_no_series_are_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.QVS").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_series(tmp_path / "a.QVS")
    assert "a.QVS" in str(caught.value)


@pytest.mark.parametrize("x", ["", "12,5", "nan", "1e999"])
def test_a_point_that_is_no_number_is_named(x: str, tmp_path: Path) -> None:
    path = series(tmp_path / "a.QVS", "", outline(LUMEN, (x, 3), (4, 5), (6, 7)))
    with pytest.raises(InputError, match="image 2") as caught:
        read_series(path)
    assert "E1S1I2" in str(caught.value)
    assert "Lumen" in str(caught.value)


def project(path: Path, name: str = "a.QVS", fork: str = "7", locations: str = "") -> Path:
    path.write_text(
        f"""<QVAS_Project xmlns="vil.rad"><QVAS_System_Info xmlns=""><BifurcationLocation>
        <BifurcationImageIndex ImageIndex="{fork}"/></BifurcationLocation></QVAS_System_Info>
        <QVAS_Loaded_Series_List xmlns=""><QVASSeriesFileName>{name}</QVASSeriesFileName>
        <QVASSeriesFileName>other.QVS</QVASSeriesFileName></QVAS_Loaded_Series_List>
        <Location_Property xmlns="">{locations}</Location_Property></QVAS_Project>"""
    )
    return path


def test_a_project_names_its_series_and_its_bifurcation(tmp_path: Path) -> None:
    found = read_project(project(tmp_path / "a.QVJ", name="D:\\data\\E7S301_L.QVS"))
    assert (found.series_file, found.bifurcation, found.locations) == ("E7S301_L.QVS", 7, ())
    assert read_project(project(tmp_path / "a.QVJ", "../../b.QVS", "")).series_file == "b.QVS"
    assert read_project(project(tmp_path / "a.QVJ", fork="")).bifurcation is None


def test_what_a_reader_said_of_slices(tmp_path: Path) -> None:
    locations = (
        '<Location Index="-2"><IQ>1</IQ><AHAStatus>3.0</AHAStatus></Location>'
        '<Location Index="0"><IQ></IQ></Location><Location><IQ>3</IQ></Location>'
    )
    found = read_project(project(tmp_path / "a.QVJ", locations=locations))
    assert found.locations == (Location(-2, 1, 3), Location(0, None, None))


def test_a_project_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no series"):
        read_project(project(tmp_path / "a.QVJ", name=""))
    with pytest.raises(InputError, match="Location Index is no number"):
        read_project(project(tmp_path / "a.QVJ", locations='<Location Index="x"/>'))
