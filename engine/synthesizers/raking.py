"""Choose among rows, so that what is kept comes close to released marginals; rows themselves never change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engine.synthesizers.rounding import Codes, random_order, spread
from engine.synthesizers.tables import Columns, FloatArray

IntArray = npt.NDArray[np.int64]

_ROUNDS, _CLOSE_ENOUGH = 30, 1e-4
_LARGEST_FACTOR = 16.0
_PASSES = 60
_FIRST_SHARE, _SHRINK, _LEAST_SHARE = 0.25, 0.5, 1e-3


def raked(
    codes: Sequence[Codes], targets: Mapping[Columns, FloatArray], rng: np.random.Generator, n_rows: int | None = None
) -> list[Codes]:
    """Rows chosen so that their marginals come close to targets, in random order.

    Rows keep whatever holds in each of them, such as public rules. Where it is all the same to the targets, any row is
    as likely to be kept as any other. Hand over a few times as many rows as are wanted: a row may be kept more than
    once where others like it are lacking.

    Args:
        codes: cells of each column, shape (n_candidates,).
        targets: counts or shares of some sets of columns' cells; negative ones count as zero, and a cell that no row
            has is left out.
        rng: generator; the result reads released numbers only.
        n_rows: how many rows to keep; as many as there are when it is None.

    Source: iterative proportional fitting, Deming and Stephan (1940); systematic sampling, Madow (1949).
    """
    wanted = len(codes[0]) if n_rows is None else n_rows
    if not len(codes[0]) or not targets:
        return [column[:wanted] for column in codes]
    keys = [_keys(codes, columns, values.shape) for columns, values in targets.items()]
    shares = [_reachable(key, values) for key, values in zip(keys, targets.values(), strict=True)]
    weights = _weights(keys, shares)
    kept = spread(weights[None, :], np.zeros(wanted, dtype=np.int64), rng)
    kept = _replaced(kept, weights, keys, [share * wanted for share in shares], rng)
    kept = kept[random_order(wanted, rng)]
    return [column[kept] for column in codes]


def _keys(codes: Sequence[Codes], columns: Columns, shape: tuple[int, ...]) -> IntArray:
    """One number per row for its cells of some columns."""
    key = np.zeros(len(codes[0]), dtype=np.int64)
    for column, size in zip(columns, shape, strict=True):
        key = key * size + codes[column]
    return key


def _reachable(key: IntArray, values: FloatArray) -> FloatArray:
    """Targets as shares of the cells that some row has."""
    present = np.bincount(key, minlength=values.size) > 0
    shares = np.where(present, np.maximum(values.ravel(), 0.0), 0.0)
    shares = shares if shares.any() else present.astype(np.float64)
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _weights(keys: Sequence[IntArray], shares: Sequence[FloatArray]) -> FloatArray:
    """A weight per row under which shares of cells meet the targets, as far as weights that do not repeat few rows can.

    A target that no row with weight meets, because targets contradict one another, is passed over.
    """
    weights = np.ones(len(keys[0]))
    for _ in range(_ROUNDS):
        furthest = 0.0
        for key, share in zip(keys, shares, strict=True):
            current = np.bincount(key, weights, len(share)) / weights.sum()
            furthest = max(furthest, float(np.abs(current - share).sum()))
            scaled = weights * np.divide(share, current, out=np.zeros_like(share), where=current > 0.0)[key]
            weights = scaled if scaled.any() else weights
        weights = np.clip(weights / weights.mean(), 1.0 / _LARGEST_FACTOR, _LARGEST_FACTOR)
        if furthest < _CLOSE_ENOUGH:
            break
    return weights


def _replaced(
    kept: Codes,
    weights: FloatArray,
    keys: Sequence[IntArray],
    wanted: Sequence[FloatArray],
    rng: np.random.Generator,
) -> Codes:
    """Replace kept rows by others where that lowers the squared deviations from the wanted counts.

    Rows of little weight are offered as seldom as that. Replacements of one pass do not see each other, so only a
    share of the good ones is made; where even these do harm together, they are undone, and the share falls.
    """
    deviations = [
        np.bincount(key[kept], minlength=len(counts)) - counts for key, counts in zip(keys, wanted, strict=True)
    ]
    share, left = _FIRST_SHARE, _squares(deviations)
    for _ in range(_PASSES):
        others = np.flatnonzero((np.bincount(kept, minlength=len(weights)) == 0) & (rng.random(len(weights)) < weights))
        places, others = _pairs(len(kept), others, rng)
        change = _change(deviations, keys, kept[places], others)
        good = np.flatnonzero(change < 0.0)
        if not len(good) or share < _LEAST_SHARE:
            break
        good = good[np.argsort(change[good])[: max(1, int(share * len(good)))]]
        moved = _moved(deviations, keys, kept[places[good]], others[good])
        if _squares(moved) < left:
            kept[places[good]] = others[good]
            deviations, left = moved, _squares(moved)
        else:
            share *= _SHRINK
    return kept


def _pairs(n_kept: int, others: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Places among the kept rows and rows to take them, each at most once, at random."""
    n_pairs = min(n_kept, len(others))
    return rng.permutation(n_kept)[:n_pairs], rng.permutation(others)[:n_pairs]


def _change(deviations: Sequence[FloatArray], keys: Sequence[IntArray], old: Codes, new: IntArray) -> FloatArray:
    """Half of how much each replacement, alone, would change the sum of squared deviations."""
    change = np.zeros(len(old))
    for deviation, key in zip(deviations, keys, strict=True):
        change += np.where(key[old] != key[new], deviation[key[new]] - deviation[key[old]] + 1.0, 0.0)
    return change


def _moved(deviations: Sequence[FloatArray], keys: Sequence[IntArray], old: Codes, new: IntArray) -> list[FloatArray]:
    return [
        deviation + np.bincount(key[new], minlength=len(deviation)) - np.bincount(key[old], minlength=len(deviation))
        for deviation, key in zip(deviations, keys, strict=True)
    ]


def _squares(deviations: Sequence[FloatArray]) -> float:
    return float(sum(np.dot(deviation, deviation) for deviation in deviations))
