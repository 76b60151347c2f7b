"""A Gaussian copula of unprotected rows: each column's own distribution, and one correlation per pair.

Every column is turned into standard normal scores: a number by its rank, a category by a random place in the stretch of
[0, 1] that its share takes, common categories in the middle. The scores' correlations are the model. Drawn scores go
back through the same steps. Empirical distributions stand in place of fitted families, so no family can fail to fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from engine.privacy.plan import SynthesisPlan
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.plain_columns import Codes, PlainTable
from engine.synthesizers.plain_synthesizer import PlainSynthesizer

FloatArray = npt.NDArray[np.float64]

MOST_QUANTILES = 10_001
"""Points that an empirical distribution keeps at most."""

RIDGE = 1e-6
"""Added to the diagonal, so that columns that follow from one another leave a matrix of full rank."""

_EDGE = 1e-9


@dataclass(frozen=True)
class CategoryShares:
    """Stretches of [0, 1], one per category.

    Args:
        order: the categories in the order of their stretches, shape (n_categories,).
        borders: where the stretches begin and end, shape (n_categories + 1,).
    """

    order: Codes
    borders: FloatArray

    @classmethod
    def of(cls, codes: Codes, size: int) -> CategoryShares:
        """Stretches as long as the categories' shares, the most common one in the middle."""
        shares = np.bincount(codes, minlength=size) / len(codes)
        falling = np.argsort(-shares, kind="stable")
        order = np.concatenate([falling[1::2][::-1], falling[::2]])
        return cls(order, np.concatenate([[0.0], np.cumsum(shares[order])]))

    def places(self, codes: Codes, rng: np.random.Generator) -> FloatArray:
        """A random place in each category's stretch."""
        stretch = np.argsort(self.order)[codes]
        low, high = self.borders[stretch], self.borders[stretch + 1]
        return np.asarray(low + rng.random(len(codes)) * (high - low))

    def codes(self, places: FloatArray) -> Codes:
        """The categories whose stretches hold the places."""
        stretch = np.searchsorted(self.borders[1:-1], places, side="right")
        return np.asarray(self.order[stretch], dtype=np.int64)


class GaussianCopulaSynthesizer(PlainSynthesizer):
    """Empirical distributions under one correlation matrix of normal scores."""

    shares_: tuple[CategoryShares, ...]
    quantiles_: tuple[FloatArray, ...]
    factor_: FloatArray

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """The method's settings."""
        return {"most_quantiles": MOST_QUANTILES}

    def _learn(self, table: PlainTable, rng: np.random.Generator, progress: Progress) -> None:
        progress(ProgressEvent("fitting", 0.3, "Fitting the copula"))
        self.shares_ = tuple(CategoryShares.of(table.codes[:, at], size) for at, size in enumerate(table.sizes))
        places = [shares.places(table.codes[:, at], rng) for at, shares in enumerate(self.shares_)]
        self.quantiles_ = tuple(_quantiles(numbers) for numbers in table.numbers.T)
        places += [_ranks(numbers, rng) for numbers in table.numbers.T]
        scores = [ndtri(np.clip(each, _EDGE, 1.0 - _EDGE)) for each in places]
        self.factor_ = _factor(np.stack(scores, axis=1) if scores else np.zeros((table.n_rows, 0)))

    def _draw(self, n_rows: int, rng: np.random.Generator) -> PlainTable:
        places = ndtr(rng.standard_normal((n_rows, len(self.factor_))) @ self.factor_.T)
        n_coded = len(self.shares_)
        codes = [shares.codes(places[:, at]) for at, shares in enumerate(self.shares_)]
        numbers = [
            np.interp(places[:, n_coded + at], np.linspace(0.0, 1.0, len(quantiles)), quantiles)
            for at, quantiles in enumerate(self.quantiles_)
        ]
        return PlainTable(
            np.stack(codes, axis=1) if codes else np.zeros((n_rows, 0), dtype=np.int64),
            tuple(len(shares.order) for shares in self.shares_),
            np.stack(numbers, axis=1) if numbers else np.zeros((n_rows, 0)),
        )


def _quantiles(numbers: FloatArray) -> FloatArray:
    return np.asarray(np.quantile(numbers, np.linspace(0.0, 1.0, min(MOST_QUANTILES, len(numbers) + 1))))


def _ranks(numbers: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Place of each number in [0, 1]; equal numbers share a stretch, in random order."""
    order = np.lexsort((rng.random(len(numbers)), numbers))
    ranks = np.empty(len(numbers))
    ranks[order] = np.arange(len(numbers))
    return np.asarray((ranks + 0.5) / len(numbers))


def _factor(scores: FloatArray) -> FloatArray:
    """Cholesky factor of the correlations of the scores, shape (n_scores, n_scores)."""
    deviations = scores - scores.mean(axis=0)
    scale = np.sqrt((deviations**2).mean(axis=0))
    deviations = deviations / np.where(scale > 0.0, scale, 1.0)
    correlation = deviations.T @ deviations / len(scores)
    np.fill_diagonal(correlation, 1.0 + RIDGE)
    return np.asarray(np.linalg.cholesky(correlation / (1.0 + RIDGE)))
