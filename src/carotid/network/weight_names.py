"""From the names in a weight file to those of an architecture.

Programs that train wrap the network in others, and each wrapper leaves its name in front of, or
within, the names of the weights: `module.` (parallel training), `_orig_mod.` (`torch.compile`),
`net.` or `model.` (a training framework's own attribute). The weights are the same. They are taken
where, but for what all names begin with, names and shapes are exactly the architecture's; a counter
beside them, as weight averaging keeps one, is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.counted import counted
from carotid.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from carotid.network.architecture import Architecture

_WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Parts of names that stand for no part of a network, wherever they are."""

_SHOWN = 80
"""Letters of a stranger's name in a message, at most."""


def renamed(
    state: Mapping[str, Tensor], architectures: Sequence[Architecture], where: str | Path
) -> tuple[Architecture, dict[str, Tensor]]:
    """Tell which architecture weights are of, and give them its names.

    Args:
        state: Names and tensors, as they were found.
        architectures: What they may be of.
        where: Their file, for messages.

    Returns:
        The architecture, and its weights in its own order; types and numbers are not looked at.

    Raises:
        ModelError: Names missing, unexpected or misshapen weights, or that they are there twice.
    """
    plain = _without_wrappers(state)
    for architecture in architectures:
        found = _named_as(plain, architecture, where)
        if found is not None and not _misshapen(found, architecture):
            return architecture, found
    nearest = min(architectures, key=lambda one: _distance(plain, one, where))
    raise _other_architecture(plain, nearest, architectures, where)


def _without_wrappers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names = {name: ".".join(p for p in name.split(".") if p not in _WRAPPERS) for name in state}
    if len(set(names.values())) < len(names):  # two copies that differ in their wrappers only
        return dict(state)
    return {names[name]: value for name, value in state.items()}


def _named_as(
    state: Mapping[str, Tensor], architecture: Architecture, where: str | Path
) -> dict[str, Tensor] | None:
    """The weights under the architecture's names; None where more differs than the beginning."""
    tails = _tails(architecture)
    modern = {_modern(name, architecture): value for name, value in state.items()}
    complete = _beginnings(modern, tails)
    if len(complete) > 1:
        raise ModelError(
            "the file holds the weights more than once",
            where=where,
            found="names that begin with " + " and with ".join(f"'{one}'" for one in complete),
            remedy="save only one of them, in a file of its own in another folder",
        )
    if not complete:
        return None
    found = {
        name: modern.pop(complete[0] + tail)
        for name, tail in zip(architecture.state, tails, strict=True)
    }
    return found if all(_is_counter(value) for value in modern.values()) else None


def _beside(state: Mapping[str, Tensor], architecture: Architecture) -> list[str]:
    """What is there beside all of an architecture's weights, sorted; nothing where one is missing.

    Whoever trains may keep the weights of a loss or a metric with those of the network. Where there
    is more of the network itself, it is another one.
    """
    tails = _tails(architecture)
    modern = {_modern(name, architecture) for name in state}
    complete = _beginnings(modern, tails)
    if not complete:
        return []
    rest = sorted(modern - {complete[0] + tail for tail in tails})
    return [] if any(name.startswith(complete[0]) for name in rest) else rest


def _beginnings(names: Collection[str], tails: Sequence[str]) -> list[str]:
    """What stands before all tails of an architecture; each is one copy of its weights."""
    first = [one.removesuffix(tails[0]) for one in names if f".{one}".endswith(f".{tails[0]}")]
    return [one for one in first if all(one + tail in names for tail in tails)]


def _tails(architecture: Architecture) -> list[str]:
    """The architecture's names without the part that all of them begin with, if there is one."""
    names = list(architecture.state)
    first = names[0].partition(".")[0] + "."
    if all(name.startswith(first) for name in names):
        return [name.removeprefix(first) for name in names]
    return names


def _modern(name: str, architecture: Architecture) -> str:
    for old, new in architecture.older_names:
        name = name.replace(old, new)
    return name


def _is_counter(value: Tensor) -> bool:
    return value.numel() == 1 and not value.is_floating_point()


def _misshapen(found: Mapping[str, Tensor], architecture: Architecture) -> list[str]:
    return [name for name, one in architecture.state.items() if one.shape != found[name].shape]


def _distance(state: Mapping[str, Tensor], architecture: Architecture, where: str | Path) -> int:
    """How many names, or else shapes, are not the architecture's."""
    found = _named_as(state, architecture, where)
    if found is not None:
        return len(_misshapen(found, architecture))
    names = {_modern(name, architecture) for name in state}
    return len(architecture.state) + len(names ^ set(architecture.state))


def _other_architecture(
    state: Mapping[str, Tensor],
    nearest: Architecture,
    architectures: Sequence[Architecture],
    where: str | Path,
) -> ModelError:
    found = _named_as(state, nearest, where)
    if found is not None:
        name = _misshapen(found, nearest)[0]
        return ModelError(
            f"the weights are of another architecture: {name} has another shape",
            where=where,
            found=tuple(found[name].shape),
            expected=tuple(nearest.state[name].shape),
        )
    beside = next(filter(None, (_beside(state, one) for one in architectures)), None)
    if beside:
        return ModelError(
            "the file holds the network's weights, and others beside them",
            where=where,
            found=f"{counted(len(beside), 'other')}, such as {beside[0][:_SHOWN]}",
            remedy="save the network's own state_dict() alone, in another folder",
        )
    names, expected = {_modern(name, nearest) for name in state}, set(nearest.state)
    missing, extra = sorted(expected - names), sorted(names - expected)
    parts = []
    if missing:
        parts.append(f"{counted(len(missing), 'weight')} missing, such as {missing[0]}")
    if extra:
        parts.append(f"{len(extra)} unexpected, such as {extra[0][:_SHOWN]}")
    return ModelError(
        "the weights are of another architecture",
        where=where,
        found="; ".join(parts),
        expected=" or ".join(one.name for one in architectures),
    )
