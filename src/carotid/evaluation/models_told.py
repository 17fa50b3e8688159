"""What pages and figures say of the models behind results: what they are, and what they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.network.shipped import shipped_checksums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carotid.provenance import Record

KINDS = {"heatmap": "Heatmaps", "contour": "Contours"}
"""Stages with networks, and what their results are called."""

_SHIPPED = "come from the models in the carotid package: trained on simulated necks only, never \
validated on patients."


def models_told(records: Iterable[Record]) -> list[str]:
    """Sentences about the models behind all results of a page, or of one participant."""
    found: dict[str, set[frozenset[str]]] = {}
    for record in records:
        for one in record.way_back():
            if one.models and one.transform in KINDS:
                weights = {sha for name, sha in one.models.items() if name.endswith(".pt")}
                found.setdefault(one.transform, set()).add(frozenset(weights))
    told: dict[str, list[str]] = {}
    for kind, what in KINDS.items():
        if kind in found:
            told.setdefault(_words(kind, found[kind]), []).append(what)
    return [" and ".join([first, *map(str.lower, others)]) + f" {words}"
            for words, (first, *others) in told.items()]  # fmt: skip


def _words(kind: str, ensembles: set[frozenset[str]]) -> str:
    if len(ensembles) > 1:
        return "of different participants come from different models."
    (models,) = ensembles
    if models <= shipped_checksums(kind):
        return _SHIPPED
    if len(models) == 1:
        return "come from 1 model that is not part of the carotid package."
    return f"come from {len(models)} models that are not part of the carotid package."
