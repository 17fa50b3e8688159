"""What made a result: the facts that make it repeatable, and that tell whether it still holds.

A record has a decisive part (parameters, inputs, models: results belong together if these are the
same) and a part that is only written down (context, versions). It holds the records of the results
that it was made from, so that one file tells the whole way back to the scan. Nothing in it
identifies a patient, and nothing changes between two equal runs (no times, no directories).
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, Self

from carotid import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RECORDED_PACKAGES = ("torch", "numpy", "scipy", "isal", "pydicom", "nibabel")
TOLD_VERSIONS = ("carotid", "torch")
"""A resume says where complete results were made with other versions of these."""

REMARKS = "remarks"
"""What a record's context calls remarks of the closing table."""


@dataclass(frozen=True)
class Input:
    """What a result was made from: a scan, or the result of an earlier stage.

    Attributes:
        sha256: Of a scan's file or files; of the record of an earlier result; of all files of a
            result that has no record. None where it was not looked at.
        size_bytes: Of a scan's files together; None for results.
        record: What made the earlier result; None for scans and for results without a record.
    """

    sha256: str | None
    size_bytes: int | None = None
    record: Record | None = None

    @classmethod
    def of_result(cls, record: Record) -> Self:
        """The result that a record tells of."""
        return cls(record.sha256, record=record)

    def agrees_with(self, other: Input) -> bool:
        """Whether both are the same, as far as is known: by checksum, else by record or size."""
        if self.sha256 is not None and other.sha256 is not None:
            return self.sha256 == other.sha256
        if self.record is not None and other.record is not None:
            return self.record.agrees_with(other.record)
        return self.size_bytes is not None and self.size_bytes == other.size_bytes

    def as_json(self) -> dict[str, Any]:
        """An object without what is unknown."""
        facts = {
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "record": None if self.record is None else self.record.as_json(),
        }
        return {key: value for key, value in facts.items() if value is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        record = content.get("record")
        return cls(
            content.get("sha256"),
            content.get("size_bytes"),
            None if record is None else Record.from_json(record),
        )


@dataclass(frozen=True)
class Record:
    """What made one participant's result, as its `provenance.json` states it.

    Attributes:
        transform: Name of the stage.
        parameters: Decisive: its settings, as JSON.
        inputs: Decisive: "scan", or an earlier stage, and what it was.
        models: Decisive: SHA-256 of every member by name, in the order of the members.
        context: Only written: the grid, the device and what else is good to know, as JSON.
        versions: Only written: see `versions`.
    """

    transform: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: versions())

    @property
    def sha256(self) -> str:
        """Of the record as text: it stands for the result where that serves as an input."""
        text = json.dumps(self.as_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What `provenance.json` holds, but for the sizes of files."""
        return {
            "transform": self.transform,
            "parameters": dict(self.parameters),
            "inputs": {name: one.as_json() for name, one in self.inputs.items()},
            "models": dict(self.models),
            "context": dict(self.context),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `as_json` gave.

        Raises:
            KeyError, TypeError, AttributeError, ValueError: Where it is no record.
        """
        return cls(
            transform=str(content["transform"]),
            parameters=dict(content["parameters"]),
            inputs={name: Input.from_json(one) for name, one in content["inputs"].items()},
            models=dict(content["models"]),
            context=dict(content["context"]),
            versions=dict(content["versions"]),
        )

    def agrees_with(self, other: Record) -> bool:
        """Whether both tell of the same result, as far as is known."""
        return (
            self.transform == other.transform
            and not made_differently(self, other)
            and self.inputs.keys() == other.inputs.keys()
            and not changed_inputs(self.inputs, other)
        )

    @property
    def remarks(self) -> list[str]:
        """What people should know of the participant, as the step that made this saw it."""
        told = self.context.get(REMARKS)
        return [str(one) for one in told] if isinstance(told, list) else []

    def way_back(self) -> Iterator[Record]:
        """This record and those of all results that it was made from."""
        yield self
        for one in self.inputs.values():
            if one.record is not None:
                yield from one.record.way_back()

    def setting(self, transform: str, key: str) -> Any:
        """A setting of a step on the way to this result; None where it is not known."""
        told = (one.parameters for one in self.way_back() if one.transform == transform)
        return next((settings[key] for settings in told if key in settings), None)

    def scan(self) -> Input | None:
        """The scan at the beginning of the way to this result; None where it is not known."""
        if "scan" in self.inputs:
            return self.inputs["scan"]
        earlier = (one.record.scan() for one in self.inputs.values() if one.record is not None)
        return next((scan for scan in earlier if scan is not None), None)


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what computes, reads and writes."""
    found = {"carotid": __version__, "python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def made_differently(now: Record, then: Record) -> list[str]:
    """In words, where parameters or models differ."""
    found = [
        f"{key} is {_said(now, key)}, was {_said(then, key)}"
        for key in dict.fromkeys([*now.parameters, *then.parameters])
        if now.parameters.get(key) != then.parameters.get(key)
    ]
    if list(now.models.items()) != list(then.models.items()):
        found.append(_model_difference(now.models, then.models))
    return found


def changed_inputs(now: Mapping[str, Input], then: Record) -> list[str]:
    """Names of inputs that are not any more what a result was made from."""
    return [
        name
        for name, one in now.items()
        if name not in then.inputs or not one.agrees_with(then.inputs[name])
    ]


def made_differently_before(now: Mapping[str, Input], then: Record) -> list[str]:
    """In words, where parameters or models differ of results that are made on the way.

    They lie nowhere, so nothing of theirs can have changed but what was asked for.

    Args:
        now: What a result would be made from.
        then: What was there when it was made.
    """
    found = []
    for name, one in now.items():
        before = then.inputs[name].record if name in then.inputs else None
        if one.sha256 is None and one.record is not None and before is not None:
            found += made_differently(one.record, before)
            found += made_differently_before(one.record.inputs, before)
    return found


def other_versions(now: Record, then: Record) -> list[str]:
    """In words, which versions that may change numbers differ."""
    return [
        f"{name} {then.versions.get(name, 'unknown')} (now {now.versions.get(name, 'unknown')})"
        for name in TOLD_VERSIONS
        if now.versions.get(name) != then.versions.get(name)
    ]


def _said(record: Record, key: str) -> str:
    value = record.parameters.get(key)
    return "not set" if value is None else str(value)


def _model_difference(now: Mapping[str, str], then: Mapping[str, str]) -> str:
    if sorted(now.values()) == sorted(then.values()):
        return "the models have other names or another order"
    return (
        f"the models differ ({len(now)} now: {', '.join(now)}; {len(then)} then: {', '.join(then)})"
    )
