"""What the page says of the models that made its results: what they are, and what they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.network.shipped import shipped_checksums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carotid.provenance import Record

KINDS = {"heatmap": "Heatmaps", "contour": "Contours"}
"""Stages with networks, and what their results are called."""


def models_told(records: Iterable[Record]) -> list[str]:
    """A sentence per kind of model, from the records of all results of a page."""
    found: dict[str, set[frozenset[str]]] = {}
    for record in records:
        for one in record.way_back():
            if one.models and one.transform in KINDS:
                weights = {sha for name, sha in one.models.items() if name.endswith(".pt")}
                found.setdefault(one.transform, set()).add(frozenset(weights))
    return [_sentence(kind, found[kind]) for kind in KINDS if kind in found]


def _sentence(kind: str, ensembles: set[frozenset[str]]) -> str:
    what = KINDS[kind]
    if len(ensembles) > 1:
        return f"{what}: different participants were computed with different models."
    (models,) = ensembles
    if models <= shipped_checksums(kind):
        return (
            f"{what} come from the models in the carotid package: trained on simulated necks only, "
            "never validated on patients."
        )
    if len(models) == 1:
        return f"{what} come from 1 model that is not part of the carotid package."
    return f"{what} come from {len(models)} models that are not part of the carotid package."
