"""Wall thickness as the length of field lines between two closed curves, for many walls at once.

Let u be harmonic in the wall, 0 on the lumen and 1 on the outer outline. The thickness at a point
of the lumen is the length of the line of steepest ascent of u from there to the outer outline
(Jones et al., Human Brain Mapping 2000, for the cortex). It needs no center, is the same from
either side, and loses nothing where the vessel's axis lies outside the lumen.

How it is computed. Continued by 0 into the lumen and by 1 outwards, u is the logarithmic potential
of a charge on the two curves, which follows from one linear system per wall; the logarithm's
singularity is integrated exactly for a smooth closed curve (Kress, Linear Integral Equations,
section 12.3). The charge summed up along a curve is the conjugate function v. So w = u + iv is
known on both curves, and the wall is the image of a straight band under a function z(w) whose
Laurent coefficients are Fourier coefficients of the curves. The field line at v has the length
∫ |dz/dw| du. Both curves give the same coefficients; how far they disagree says whether the nodes
were enough, and where they were not, more are used.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINER = (1, 2, 4)
"""Nodes are multiplied by these in turn, until a wall is resolved."""

TOLERANCE_MM = 6e-3
"""Largest disagreement of a Laurent coefficient from the two curves."""

FLUX_TOLERANCE = 1e-3
"""Largest relative difference of the flux through the two curves."""

_UPSAMPLING = 4
_LEVELS = 8
_BLOCK_NODES = 1 << 11
"""So many nodes are solved for at once: four megabytes with 64 nodes a curve stay close to the
processor."""
_WHOLE = 64
"""Systems of at most so many unknowns are solved in one piece. OpenBLAS gives those of 100 and more
to all threads it has, which wait for each other longer than they compute."""
_TINY = float(np.finfo(np.float64).tiny)


def field_line_lengths(
    lumen: NDArray[np.float64], outer: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Length of the field line at every node of the lumen.

    Args:
        lumen: (s, n, 2) nodes at equal distances along each lumen, counter-clockwise, mm; n even.
        outer: (s, n, 2) the same of the outer outlines, each around its lumen.

    Returns:
        (s, n) mm. NaN in every node of a wall that could not be resolved, because the outlines
        touch or cross.
    """
    out = np.full(lumen.shape[:2], np.nan)
    left = np.arange(len(lumen))
    for factor in FINER:
        if not len(left):
            break
        block = max(_BLOCK_NODES // (lumen.shape[1] * factor**2), 1)
        resolved = np.zeros(len(left), np.bool_)
        for start in range(0, len(left), block):
            some = left[start : start + block]
            lengths, good = _lengths(
                _complex(_refined(lumen[some], factor)), _complex(_refined(outer[some], factor))
            )
            out[some[good]] = lengths[good, ::factor]
            resolved[start : start + block] = good
        left = left[~resolved]
    return out


def _refined(nodes: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """`factor` times as many nodes, on the straight edges between them."""
    if factor == 1:
        return nodes
    steps = np.arange(factor)[:, None] / factor
    edges = nodes[:, :, None] * (1 - steps) + np.roll(nodes, -1, axis=1)[:, :, None] * steps
    return edges.reshape(len(nodes), -1, 2)


def _complex(nodes: NDArray[np.float64]) -> NDArray[np.complex128]:
    return nodes[..., 0] + 1j * nodes[..., 1]


def _lengths(
    lumen: NDArray[np.complex128], outer: NDArray[np.complex128]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(s, n) lengths at the lumen's nodes, and whether each wall is resolved."""
    n = lumen.shape[1]
    # Below 1 in size no curve has the capacity 1, at which the system is singular.
    scale = 2.2 * np.abs(outer - outer.mean(axis=1, keepdims=True)).max(axis=1)
    lumen, outer = lumen / scale[:, None], outer / scale[:, None]
    charge = _charges(lumen, outer)
    flux = charge[:, :n].sum(axis=1)
    flux_outside = -charge[:, n:].sum(axis=1)
    with np.errstate(all="ignore"):
        good = (flux > 0) & (np.abs(flux_outside / flux - 1) < FLUX_TOLERANCE)
    lengths = np.full((len(lumen), n), np.nan)
    if not good.any():
        return lengths, good
    at_lumen, from_lumen = _along(lumen[good], charge[good, :n])
    _, from_outer = _along(outer[good], -charge[good, n:])
    found, disagreement = _band(from_lumen, from_outer, flux[good], at_lumen)
    lengths[good] = found * scale[good, None]
    good[good] = disagreement * scale[good] < TOLERANCE_MM
    return lengths, good


def _charges(lumen: NDArray[np.complex128], outer: NDArray[np.complex128]) -> NDArray[np.float64]:
    """(s, 2n) charge of each node for potential 0 on the lumen and 1 outside."""
    n = lumen.shape[1]
    system = np.empty((len(lumen), 2 * n, 2 * n))
    between = _log_distances(lumen, outer)
    system[:, :n, n:], system[:, n:, :n] = between, between.transpose(0, 2, 1)
    here = np.arange(n)
    for curve, own in ((lumen, slice(0, n)), (outer, slice(n, None))):
        step = np.abs(np.roll(curve, -1, axis=1) - curve).mean(axis=1) * n / (2 * np.pi)
        logs = _log_distances(curve, curve)
        logs[:, here, here] = np.log(np.maximum(step, _TINY))[:, None]
        system[:, own, own] = logs + _self_weights(n)
    right = np.zeros((len(lumen), 2 * n, 1))
    right[:, :n] = -2 * np.pi
    try:
        return _solved(system, right)[..., 0]
    except np.linalg.LinAlgError:  # outlines with equal nodes
        return np.full((len(lumen), 2 * n), np.nan)


def _solved(system: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """(s, m, r) solutions of (s, m, m) systems, each by halves down to `_WHOLE` unknowns.

    The halves on the diagonal are themselves such systems, of a curve or a part of one, and as
    far from singular as the whole.
    """
    if system.shape[1] <= _WHOLE:
        return np.asarray(np.linalg.solve(system, right), np.float64)
    half = system.shape[1] // 2
    one, other = slice(0, half), slice(half, None)
    known = np.concatenate([system[:, one, other], right[:, one]], axis=2)
    across, alone = np.split(_solved(system[:, one, one], known), [system.shape[2] - half], axis=2)
    back = system[:, other, one]
    second = _solved(system[:, other, other] - back @ across, right[:, other] - back @ alone)
    return np.concatenate([alone - across @ second, second], axis=1)


def _log_distances(
    one: NDArray[np.complex128], other: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """(s, n, n) logarithms of the distances between two curves' nodes."""
    square = (one.real[:, :, None] - other.real[:, None]) ** 2
    square += (one.imag[:, :, None] - other.imag[:, None]) ** 2
    np.maximum(square, _TINY, out=square)
    return np.asarray(0.5 * np.log(square, out=square), np.float64)


@cache
def _self_weights(n: int) -> NDArray[np.float64]:
    """(n, n) what makes the rule for log|x − y| on a curve's own nodes exact for a circle."""
    t = 2 * np.pi * np.arange(n) / n
    k = np.arange(1, n // 2)
    kress = -(4 * np.pi / n) * (np.cos(np.outer(t, k)) / k).sum(axis=1)
    kress -= (4 * np.pi / n**2) * np.cos(n // 2 * t)
    weights = n / (4 * np.pi) * kress
    weights[1:] -= np.log(2 * np.sin(t[1:] / 2))
    here = np.arange(n)
    circulant: NDArray[np.float64] = weights[(here[:, None] - here) % n]
    circulant.setflags(write=False)
    return circulant


def _along(
    curve: NDArray[np.complex128], charge: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """The conjugate function at a curve's nodes, as a share of the flux, and its coefficients.

    Returns:
        (s, n) v from 0, and (s, 4n) Fourier coefficients of the curve's points at equal steps of v.
    """
    s, n = charge.shape
    k = np.fft.fftfreq(n, 1 / n)
    spectrum = np.fft.fft(charge, axis=1) * n / (2 * np.pi)
    with np.errstate(all="ignore"):
        spectrum = np.where((k == 0) | (np.abs(k) == n // 2), 0, spectrum / (1j * k))
    fine = _UPSAMPLING * n
    v = _upsampled(spectrum).real
    v = (v - v[:, :1]) / charge.sum(axis=1, keepdims=True) + np.arange(fine) / fine
    points = _upsampled(np.fft.fft(curve, axis=1))
    # One interpolation for all walls: each has its own interval [2j, 2j + 1] of a common axis.
    v = np.maximum.accumulate(v, axis=1)
    base = 2.0 * np.arange(s)[:, None]
    closed = np.concatenate([v, np.ones((s, 1))], axis=1) + base
    ends = np.concatenate([points, points[:, :1]], axis=1)
    at = (np.arange(fine) / fine + base).ravel()
    regular = np.interp(at, closed.ravel(), ends.real.ravel()) + 1j * np.interp(
        at, closed.ravel(), ends.imag.ravel()
    )
    return v[:, ::_UPSAMPLING], np.fft.fft(regular.reshape(s, fine), axis=1) / fine


def _upsampled(spectrum: NDArray[np.complex128]) -> NDArray[np.complex128]:
    s, n = spectrum.shape
    half = n // 2
    padded = np.zeros((s, _UPSAMPLING * n), np.complex128)
    padded[:, :half] = spectrum[:, :half]
    padded[:, 1 - half :] = spectrum[:, half + 1 :]
    return np.asarray(np.fft.ifft(padded, axis=1) * _UPSAMPLING, np.complex128)


def _band(
    from_lumen: NDArray[np.complex128],
    from_outer: NDArray[np.complex128],
    flux: NDArray[np.float64],
    at_lumen: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths of the field lines at v, and how far the two curves' coefficients disagree."""
    s, m = from_lumen.shape
    k = np.fft.fftfreq(m, 1 / m)
    rate = 2 * np.pi * k / flux[:, None]
    across = np.exp(-np.abs(rate))
    across[:, 0] = 0
    # Where v starts on the outer curve is known only now: the shift at which both agree best.
    match = np.fft.ifft(np.conj(from_lumen) * from_outer * across, axis=1).real
    best = match.argmax(axis=1)[:, None]
    low, top, high = (np.take_along_axis(match, (best + d) % m, axis=1) for d in (-1, 0, 1))
    with np.errstate(all="ignore"):
        between = 0.5 * (low - high) / (low - 2 * top + high)
    shift = (best + np.nan_to_num(between)) / m
    from_outer = from_outer * np.exp(2j * np.pi * k * shift)
    grows = k > 0
    apart = np.where(grows, from_lumen - from_outer * across, from_outer - from_lumen * across)
    disagreement = np.abs(apart[:, 1:]).max(axis=1)
    levels, weights = np.polynomial.legendre.leggauss(_LEVELS)
    rate[:, m // 2] = 0
    lengths = np.zeros((s, m))
    for u, weight in zip((levels + 1) / 2, weights / 2, strict=True):
        inner = from_lumen * np.exp(-np.abs(rate) * u)
        slope = rate * np.where(grows, from_outer * np.exp(-np.abs(rate) * (1 - u)), inner)
        lengths += weight * np.abs(np.fft.ifft(slope, axis=1)) * m
    base = 2.0 * np.arange(s)[:, None]
    axis = (np.arange(m + 1) / m + base).ravel()
    closed = np.concatenate([lengths, lengths[:, :1]], axis=1).ravel()
    return np.interp((at_lumen + base).ravel(), axis, closed).reshape(at_lumen.shape), disagreement
