"""What stops a whole command before it begins, and what must not: a line each.

A row is what is wrong, how a place where the command would succeed is spoilt, the exit code, and a
pattern that the one line of error must contain. What a row's function returns are further
arguments of the command.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tests.faults.bad_models import DONE, FAILED, REFUSED, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.harness import Place


# --- configuration -----------------------------------------------------------------------------


def config(text: str | bytes) -> Callable[[Place], object]:
    content = text if isinstance(text, bytes) else text.encode()
    return lambda place: place.config.write_bytes(content)


def heatmap_config(text: str) -> Callable[[Place], object]:
    return config(f"[heatmap_transform]\n{text}\n")


def config_folder(place: Place) -> None:
    place.config.unlink()
    place.config.mkdir()


def config_pipe(place: Place) -> None:
    place.config.unlink()
    os.mkfifo(place.config)


def rescaling(text: str) -> Callable[[Place], object]:
    return lambda place: (place.raw / "parameters.json").write_text(text)


CONFIGURATION: dict[str, Row] = {
    "unknown key": (heatmap_config("roi_sise = [32, 32, 32]"), REFUSED, "did you mean 'roi_size'"),
    "unknown section": (config("[heatmaps_transform]"), REFUSED, "did you mean 'heatmap_tr"),
    "duplicate key": (heatmap_config("overlap = 0\noverlap = 0.1"), REFUSED, "not a valid TOML"),
    "wrong type": (heatmap_config('spacing = "yes"'), REFUSED, "heatmap_transform.spacing"),
    "whole number as flag": (heatmap_config("spacing = 1"), REFUSED, "heatmap_transform.spacing"),
    "fractional window": (heatmap_config("roi_size = [32, 32.5, 32]"), REFUSED, "roi_size"),
    "window of two": (heatmap_config("roi_size = [32, 32]"), REFUSED, "roi_size"),
    "negative window": (heatmap_config("roi_size = [32, -32, 32]"), REFUSED, "positive"),
    "window of no multiple": (heatmap_config("roi_size = [32, 33, 32]"), REFUSED, "multiples of"),
    "window of 2^60": (heatmap_config(f"roi_size = [{2**60}, 16, 16]"), REFUSED, "at most"),
    "overlap of one": (heatmap_config("overlap = 1.0"), REFUSED, "overlap"),
    "overlap NaN": (heatmap_config("overlap = nan"), REFUSED, "overlap"),
    "overlap as text": (heatmap_config('overlap = "0.5"'), REFUSED, "overlap"),
    "section as key": (config("heatmap_transform = 3"), REFUSED, "must be a section"),
    "not TOML": (config("{'roi_size': 3}"), REFUSED, "not a valid TOML"),
    "not text": (config(b"\xff\xfe\0"), REFUSED, "not a valid TOML"),
    "nested without end": (config("a = " + "[" * 50_000), REFUSED, "not a valid TOML"),
    "two megabytes": (config("#" * (2 << 20)), REFUSED, "too large"),
    "a folder": (config_folder, REFUSED, "is not a file"),
    "a pipe": (config_pipe, REFUSED, "is not a file"),
    "missing": (lambda place: place.config.unlink(), REFUSED, "does not exist"),
    "two mistakes": (
        heatmap_config("overlap = 2\nspacing = 3"),
        REFUSED,
        "2 mistakes.*spacing.*overlap|2 mistakes.*overlap.*spacing",
    ),
    "rescaling not JSON": (rescaling("{'rescale': True}"), REFUSED, "not valid JSON"),
    "rescaling incomplete": (rescaling('{"rescale": true}'), REFUSED, "is missing"),
    "rescaling out of range": (
        rescaling(
            '{"rescale": true, "lower_percentile_rescaler": 0, "upper_percentile_rescaler": 101}'
        ),
        REFUSED,
        "0 to 100",
    ),
}
"""An empty file is sound; it would run for a while with the default window (see test_config)."""


# --- participants ------------------------------------------------------------------------------


def participant(*names: str) -> Callable[[Place], list[str]]:
    return lambda _: [word for name in names for word in ("--participant", name)]


def scan_named(*names: str) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        for name in names:
            shutil.copy(place.raw / "good.mha", place.raw / name)

    return spoil


NOBODY = "no participant of that name"

PARTICIPANTS: dict[str, Row] = {
    "above": (participant("../x"), REFUSED, NOBODY),
    "absolute": (participant("/etc"), REFUSED, NOBODY),
    "empty": (participant(""), REFUSED, NOBODY),
    "newline": (participant("good\nbad"), REFUSED, NOBODY),
    "leading dash": (participant("-rf"), REFUSED, NOBODY),
    "unknown": (participant("goo"), REFUSED, "Perhaps 'good'"),
    "one of two unknown": (participant("good", "other"), REFUSED, "'other'"),
    "there twice": (scan_named("good.nii"), REFUSED, "there twice"),
    "other case": (scan_named("GOOD.mha"), REFUSED, "upper and lower case"),
    "file with a newline": (scan_named("a\nb.mha"), REFUSED, "cannot be used"),
    "file with a leading dash": (scan_named("-rf.mha"), REFUSED, "cannot be used"),
    "file with a long name": (scan_named("x" * 230 + ".mha"), REFUSED, "longer than"),
    "no scans": (lambda place: (place.raw / "good.mha").unlink(), REFUSED, "holds no scans"),
    "no folder of scans": (lambda place: shutil.rmtree(place.raw), REFUSED, "no such folder"),
    "repeated": (participant("good", "good"), DONE, ""),
}


# --- output ------------------------------------------------------------------------------------


def out_is(what: Callable[[Path], object]) -> Callable[[Place], object]:
    return lambda place: what(place.out)


def precious(place: Place) -> Path:
    return place.root / "precious"


def forced(spoil: Callable[[Place], object]) -> Callable[[Place], object]:
    def also(place: Place) -> list[str]:
        spoil(place)
        return ["--force"]

    return also


def final_name_is_a_link(place: Place) -> None:
    precious(place).mkdir()
    (precious(place) / "thesis.txt").write_text("ten years")
    (place.out / "good").mkdir(parents=True)
    (place.out / "good" / "heatmap_transform").symlink_to(precious(place))


def participant_is_a_link(place: Place) -> None:
    precious(place).mkdir()
    (precious(place) / "thesis.txt").write_text("ten years")
    place.out.mkdir()
    (place.out / "good").symlink_to(precious(place))


def final_name_is_a_file(place: Place) -> None:
    (place.out / "good").mkdir(parents=True)
    (place.out / "good" / "heatmap_transform").write_text("notes")


def leftovers(place: Place) -> None:
    """What a process that was killed leaves behind."""
    work = place.out / ".carotid" / "heatmap_transform-good"
    (work / "left_heatmap").mkdir(parents=True)
    (work / "left_heatmap" / "mean.mha").write_bytes(b"ObjectType = Ima")
    (place.out / ".carotid" / "heatmap_transform-good.lock").write_bytes(b"")
    (place.out / "good").mkdir()


def half_a_result(place: Place) -> None:
    """A folder under the final name that is not complete: of another tool, or damaged since."""
    folder = place.out / "good" / "heatmap_transform" / "left_heatmap"
    folder.mkdir(parents=True)
    (folder / "mean.mha").write_bytes(b"ObjectType = Ima")


def broken_record(place: Place) -> None:
    place.out.mkdir()
    (place.out / "parameters.json").write_text("{")


OUTPUT: dict[str, Row] = {
    "a file": (out_is(lambda out: out.write_text("notes")), REFUSED, "is a file"),
    "a link to itself": (out_is(lambda out: out.symlink_to(out)), REFUSED, "leads nowhere"),
    "a link into the input": (
        lambda place: place.out.symlink_to(place.raw),
        REFUSED,
        "lies inside, an input",
    ),
    "a final name that is a link": (final_name_is_a_link, FAILED, "not changed"),
    "a final name that is a link, forced": (
        forced(final_name_is_a_link),
        FAILED,
        "a symbolic link",
    ),
    "a participant's folder that is a link": (participant_is_a_link, FAILED, "a symbolic link"),
    "a final name that is a file": (final_name_is_a_file, FAILED, "not changed"),
    "a final name that is a file, forced": (
        forced(final_name_is_a_file),
        FAILED,
        "a file",
    ),
    "broken parameters.json": (
        broken_record,
        REFUSED,
        "parameters of earlier transforms",
    ),
    "leftovers of a run that died": (leftovers, DONE, ""),
    "half a result": (
        half_a_result,
        FAILED,
        "this folder was not written by carotid and is not changed",
    ),
}
