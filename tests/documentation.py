"""What tests of the documentation share: pages, their code blocks, and input to run these on."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch

from carotid.network.unet import UNet

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```\s*$", re.MULTILINE | re.DOTALL)
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands after the fence, and its text."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [Block(m[2].strip(), m[3]) for m in _FENCE.finditer(page.read_text("utf-8"))]


def without_blocks(page: Path) -> str:
    """A page's prose: no fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def python_of(page: Path) -> str:
    """All Python blocks of a page, one after the other, as one script."""
    return "\n".join(block.text for block in blocks(page) if block.language == "python")


def run_python_of(page: Path, folder: Path) -> None:
    """Run a page's Python blocks as a user would: in a process of their own, in `folder`."""
    script = python_of(page)
    assert script, f"{page} has no Python block"
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def write_models(folder: Path, count: int) -> None:
    """Untrained members: the examples are about shapes and places, not about vessels."""
    folder.mkdir(parents=True)
    with torch.random.fork_rng():
        for k in range(count):
            torch.manual_seed(k)
            torch.save(UNet().state_dict(), folder / f"unet_{k}.pt")


def write_scan(path: Path) -> None:
    """A small coronal scan, tilted, with voxels that differ along every axis."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tilt = np.deg2rad(10)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    axes = np.array([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]]).T  # L, I, P
    affine = np.eye(4)
    affine[:3, :3] = turn @ axes @ np.diag([0.6, 0.7, 0.8])
    affine[:3, 3] = [11.0, 25.0, -7.0]
    voxels = np.random.default_rng(4).integers(0, 900, (38, 34, 26)).astype(np.int16)
    image: Any = nibabel.Nifti1Image  # has no types
    nibabel.save(image(voxels, affine), path)
