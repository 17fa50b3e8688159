"""Directories of contour networks: which version they are, and what they were made for.

A directory with `parameters.json` is version 2, as training writes it, with the members in
`split-…/model.pt`. Without that file it is version 1, with the members in `*.pt`. The two differ in
what the first output means (`carotid.stages.contour.decode`), so they must not be mixed up.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from carotid.errors import ConfigurationError, ModelError
from carotid.network.model_files import find_models, find_splits, warn_of_unused
from carotid.network.plane_cnn import PLANES
from carotid.network.polar_cnn import CONTOUR, PolarCNN, Variant
from carotid.network.weights import read_models, read_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.network.weights import Weights

logger = logging.getLogger(__name__)

PARAMETERS_FILE = "parameters.json"
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class ContourModels:
    """The members of an ensemble of contour networks, as they were read.

    Attributes:
        version: What the first output means.
        weights: The members, all of one architecture.
        settings: What `parameters.json` says they were trained with; empty for version 1.
    """

    version: Literal[1, 2]
    weights: tuple[Weights, ...]
    settings: Mapping[str, Any]

    @property
    def on_planes(self) -> bool:
        """Whether they look at planes across the artery, not at polar images."""
        return self.weights[0].architecture == PLANES

    @property
    def variant(self) -> Variant:
        """Which of the four networks they are."""
        net = self.weights[0].architecture.without_numbers()
        if not isinstance(net, PolarCNN):
            raise ModelError("these are no networks for polar images", found=type(net).__name__)
        return net.variant

    @property
    def polar(self) -> Mapping[str, Any]:
        """The `[polar_transform]` that they were trained with, as far as it is known."""
        found = self.settings.get("polar_transform")
        return found if isinstance(found, dict) else {}

    @property
    def sampling(self) -> str | None:
        """How values were taken between voxels in training; None where it is not known."""
        found = self.settings.get("sampling", self.polar.get("sampling"))
        return found if isinstance(found, str) else None

    @property
    def lacks_half_a_sample(self) -> bool:
        """Whether radii come out half a sample too small, as in version 2 of the known tool."""
        return self.version == 2 and self.settings.get("radius") != "exact"

    @property
    def voxel_mm(self) -> float | None:
        """In-plane voxel size of the scans in training; None where it is not known."""
        found = self.settings.get("voxel_mm")
        if isinstance(found, bool) or not isinstance(found, int | float) or found <= 0:
            return None
        return float(found)


def trained_with(directory: Path) -> dict[str, dict[str, Any]]:
    """Settings of other stages that the networks of a directory were trained with, by stage.

    Raises:
        ModelError: The directory's settings cannot be read.
    """
    models = ContourModels(2, (), _read_settings(directory / PARAMETERS_FILE) or {})
    return {} if models.sampling is None else {"polar": {"sampling": models.sampling}}


def read_contour_models(directory: Path, splits: Sequence[str] = ()) -> ContourModels:
    """Read and check the networks of a directory.

    Args:
        directory: The model directory.
        splits: Names of `split-…` folders that are used; all where it is empty.

    Raises:
        ModelError: A file cannot be used.
        ConfigurationError: There is no such split.
    """
    settings = _read_settings(directory / PARAMETERS_FILE)
    there = find_contour_models(directory)
    if settings is None:
        if splits:
            raise ConfigurationError(
                "split_list is for model directories of version 2",
                where=directory,
                found=f"{', '.join(splits)}, and no {PARAMETERS_FILE}",
                remedy="remove split_list, or give the directory that training wrote",
            )
        _refuse_version_2(directory, there)
        warn_of_unused(directory, there)
        return ContourModels(1, tuple(read_models(directory, CONTOUR, there)), {})
    warn_of_unused(directory, there)
    files = _chosen(there, splits, directory)
    return ContourModels(2, tuple(read_models(directory, CONTOUR, files)), settings)


def find_contour_models(directory: Path) -> list[Path]:
    """The files of all networks of a directory, of version 2 in the order of their splits.

    Raises:
        ModelError: Where there is none.
    """
    is_version_2 = (directory / PARAMETERS_FILE).exists()
    return find_splits(directory) if is_version_2 else find_models(directory)


def _chosen(files: Sequence[Path], splits: Sequence[str], directory: Path) -> list[Path]:
    names = [path.parent.name for path in files]
    for name in splits:
        if name not in names:
            raise ConfigurationError(
                "split_list names a split that is not there",
                where=directory,
                found=f"'{name[:80]}'",
                expected=f"names among {', '.join(names)}",
            )
    return [path for path in files if not splits or path.parent.name in splits]


def _refuse_version_2(directory: Path, files: Sequence[Path]) -> None:
    """Refuse files of version 2 where nothing says so: their outputs would be misread."""
    for path in files:
        if path.parent != directory or read_weights(path, CONTOUR).beside_others:
            raise ModelError(
                f"these are weights of version 2, but no {PARAMETERS_FILE} lies beside them",
                where=path,
                remedy=f"give the directory that training wrote, with {PARAMETERS_FILE} and "
                "split-…/model.pt",
            )


def _read_settings(path: Path) -> dict[str, Any] | None:
    """What training wrote; None where there is no such file."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"what the networks were trained with cannot be read: {error}", where=path
        ) from error
    if not isinstance(content, dict):
        raise ModelError(
            "this does not tell what the networks were trained with",
            where=path,
            found=type(content).__name__,
            expected="a JSON object",
        )
    return content
