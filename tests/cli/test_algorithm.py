"""`carotid algorithm` in a tree as a platform for challenges makes it, without an engine."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import SimpleITK
from tests.cli.test_pipeline import CONFIG, CONTOUR_MODELS
from tests.command import CAROTID, environment, run_carotid, tree
from tests.necks import write_scan
from tests.networks import write_models

from carotid.errors import UsageError
from carotid.storage.sockets import find_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "8f6c0b6e.mha"
SCAN = {"slug": "black-blood-mri", "relative_path": "images/black-blood-mri", "super_kind": "Image"}
AGE = {"slug": "age", "relative_path": "age.json", "super_kind": "Value", "kind": "Integer"}
WORLD = ("unshare", "--mount", "--net", "--ipc", "--uts")


def listed(*sockets: dict[str, str], key: str = "socket") -> list[dict[str, Any]]:
    return [{"file": None, "image": None, "value": None, key: socket} for socket in sockets]


def write_input(folder: Path, entries: Sequence[dict[str, Any]]) -> Path:
    write_scan(folder / "images" / "black-blood-mri" / NAME)
    (folder / "age.json").write_text("61")
    (folder / "inputs.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights and settings as a platform unpacks them."""
    folder = tmp_path_factory.mktemp("algorithm") / "model"
    write_models(folder / "heatmap", 1)
    shutil.copytree(CONTOUR_MODELS, folder / "contour")
    (folder / "config.toml").write_text(CONFIG)
    return folder


def check(output: Path, scan: Path) -> None:
    """What came out, read by another program."""
    assert sorted(tree(output)) == [
        "carotid-measurements.json",
        f"images/carotid-segmentation/{NAME}",
    ]
    labels = SimpleITK.ReadImage(str(output / "images" / "carotid-segmentation" / NAME))
    image = SimpleITK.ReadImage(str(scan))
    assert labels.GetSize() == image.GetSize()
    assert labels.GetOrigin() == pytest.approx(image.GetOrigin())
    assert labels.GetDirection() == pytest.approx(image.GetDirection())
    assert SimpleITK.GetArrayViewFromImage(labels).any()
    rows = json.loads((output / "carotid-measurements.json").read_text())
    assert {row["side"] for row in rows} == {"left", "right"}
    assert any(isinstance(cell, float) for row in rows for cell in row.values())


def test_a_scan_goes_in_and_results_come_out(models: Path, tmp_path: Path) -> None:
    source = write_input(tmp_path / "input", listed(AGE, SCAN))
    before = tree(source)
    (tmp_path / "tmp").mkdir()
    out = tmp_path / "output"
    run = run_carotid("algorithm", source, out, "--model_dir", models, TMPDIR=f"{tmp_path}/tmp")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == f"{NAME}: done"
    check(out, source / "images" / "black-blood-mri" / NAME)
    assert tree(source) == before
    assert not list((tmp_path / "tmp").iterdir()), "nothing stays behind"


def can(*command: str) -> bool:
    found = shutil.which(command[0])
    return (
        found is not None
        and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    )


@pytest.mark.skipif(not can(*WORLD), reason="needs root and unshare")
def test_a_read_only_root_and_no_network(models: Path, tmp_path: Path) -> None:
    """/input, /output and /opt/ml/model as the platform has them; a scratch /tmp; nothing else."""
    source = write_input(tmp_path / "input", listed(SCAN))
    world, out = tmp_path / "world", tmp_path / "output"
    for place in (world, out):
        place.mkdir()
    script = f"""
        set -e
        mount --make-rprivate /
        mount -t tmpfs -o mode=755 none /mnt
        mkdir -p /mnt/input /mnt/model /mnt/output /mnt/tmp
        mount --bind {source} /mnt/input && mount -o remount,ro,bind /mnt/input
        mount --bind {models} /mnt/model && mount -o remount,ro,bind /mnt/model
        mount --bind {out} /mnt/output
        mount -o remount,ro,bind /
        cd /
        TMPDIR=/mnt/tmp HOME=/nowhere {CAROTID} algorithm /mnt/input /mnt/output \
            --model_dir /mnt/model
    """
    run = subprocess.run(
        [*WORLD, "bash", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert run.returncode == 0, run.stderr
    check(out, source / "images" / "black-blood-mri" / NAME)


def test_the_former_word_for_sockets_and_a_choice_of_images(tmp_path: Path) -> None:
    source = write_input(tmp_path / "input", listed(SCAN, key="interface"))
    scan = source / "images" / "black-blood-mri" / NAME
    assert find_image(source) == scan
    other = {**SCAN, "slug": "t2-mri", "relative_path": "images/t2-mri"}
    (source / "inputs.json").write_text(json.dumps(listed(other, SCAN)))
    assert find_image(source, "black-blood-mri") == scan
    with pytest.raises(UsageError, match="--socket"):
        find_image(source)
    with pytest.raises(UsageError, match="hold one image"):
        find_image(source, "t2-mri")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (None, "the list of inputs cannot be read"),
        ({"a": 1}, "the list of inputs cannot be read"),
        ([{"value": 3}], "the list of inputs cannot be read"),
        (listed(AGE), "one image is to be handed in"),
        ([], "one image is to be handed in"),
        (listed({**SCAN, "relative_path": "../other"}), "leads out of the input directory"),
        (listed({**SCAN, "relative_path": "/etc"}), "leads out of the input directory"),
        (listed({**SCAN, "relative_path": "images/none"}), "hold one image"),
    ],
)
def test_what_is_no_such_tree_is_refused(tmp_path: Path, entries: Any, message: str) -> None:
    source = write_input(tmp_path / "input", entries)
    if entries is None:
        (source / "inputs.json").unlink()
    with pytest.raises(UsageError, match=message):
        find_image(source)


def test_a_scan_that_cannot_be_used_fails_the_job(models: Path, tmp_path: Path) -> None:
    source = write_input(tmp_path / "input", listed(SCAN))
    scan = source / "images" / "black-blood-mri" / NAME
    scan.write_bytes(scan.read_bytes()[:900])
    run = run_carotid("algorithm", source, tmp_path / "output", "--model_dir", models)
    assert run.returncode != 0
    assert NAME in run.stderr
    assert not tree(tmp_path / "output")
