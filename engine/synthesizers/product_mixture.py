"""A mixture of products: given a latent draw, a generator's columns are independent, one softmax each.

That makes exact what a generator of rows can only try: a condition or a public rule has a known mass under every
latent draw, so that latent draws are weighed by it, and cells are then drawn from the products restricted to it.
Everything here is post-processing of released numbers, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import PlanError
from engine.synthesizers.rounding import Codes, random_order, spread
from engine.synthesizers.structural_zeros import BoolArray, check_evidence, check_masks
from engine.synthesizers.tables import Columns, FloatArray, Table

ProbabilitiesOf = Callable[[int, np.random.Generator], list[FloatArray]]

_CELLS_AT_ONCE = 2**22
_LEAST_EFFECTIVE, _MOST_EFFECTIVE = 2**12, 2**17
_MOST_LATENTS, _MOST_LATENTS_WITHOUT_MASS = 2**20, 2**16
_TRIES_PER_ROW, _LEAST_TRIES = 64, 2**16
_LARGEST_BLOCK = 2**16


@dataclass(frozen=True)
class _Block:
    """Public rules on columns that no other block has.

    Args:
        columns: increasing positions.
        mask: allowed combinations, one axis per column.
    """

    columns: Columns
    mask: BoolArray

    def masses(self, probabilities: Sequence[FloatArray]) -> list[FloatArray]:
        """What is allowed after the first k columns are drawn, shape (n, size of each of these), from k = 0 on."""
        last = np.tensordot(probabilities[self.columns[-1]], self.mask.astype(np.float64), axes=(1, -1))
        found = [np.asarray(last, dtype=np.float64)]
        for column in reversed(self.columns[:-1]):
            found.append(np.einsum("n...c,nc->n...", found[-1], probabilities[column]))
        return found[::-1]

    def draw(self, probabilities: Sequence[FloatArray], rng: np.random.Generator) -> list[Codes]:
        """Allowed cells of each column, shape (n,), by their share of what is allowed."""
        rows = np.arange(len(probabilities[0]))
        drawn: list[Codes] = []
        for column, mass in zip(self.columns, [*self.masses(probabilities)[1:], None], strict=True):
            left = self.mask[tuple(drawn)] if mass is None else mass[(rows, *drawn)]
            drawn.append(_draw(probabilities[column] * left, rng))
        return drawn


@dataclass(frozen=True)
class _Pool:
    """Latent draws and their weights; the draws themselves are made again from their seeds when they are needed.

    Args:
        seeds: one per chunk of latent draws.
        weights: unnormalised, shape (n_chunks, draws per chunk).
    """

    seeds: list[int]
    weights: FloatArray


class ProductMixture:
    """Rows and marginals of a mixture of products under conditions and public rules.

    Args:
        probabilities_of: for a number m of fresh latent draws and a generator, the probabilities of each column's
            cells, arrays of shape (m, size); the same generator state gives the same ones.
        sizes: number of cells per column.
        allowed: public rules on sets of one to three columns (increasing): boolean arrays of their sizes, false where
            a combination cannot occur; sets may share columns.
    """

    def __init__(
        self, probabilities_of: ProbabilitiesOf, sizes: Sequence[int], allowed: Mapping[Columns, BoolArray]
    ) -> None:
        check_masks(allowed, sizes)
        self.sizes = tuple(sizes)
        self.allowed = dict(allowed)
        self._probabilities_of = probabilities_of
        self._blocks, self._overlapping = _blocks(allowed, self.sizes)
        self._at_once = self._draws_at_once([block.columns for block in self._blocks])

    def sample(
        self, n_rows: int, rng: np.random.Generator, given: Mapping[int, BoolArray] | None = None
    ) -> list[Codes]:
        """Cells of `n_rows` rows, one array of shape (n_rows,) per column, in random order.

        Without conditions and rules every row has a latent draw of its own.

        Args:
            n_rows: number of rows.
            rng: generator; the result reads released numbers only.
            given: allowed cells of some columns, boolean of shape (size,): every row meets them all, and rows follow
                the model's distribution under that condition.

        Raises:
            PlanError: no row of the model meets the conditions and the rules, or too few do to find one.
        """
        check_evidence(given or {}, self.sizes)
        if not given and not self.allowed:
            return list(self._free(n_rows, rng))
        pool = self._pool(n_rows, rng, given or {})
        found = [np.zeros((len(self.sizes), 0), dtype=np.int32)]
        n_found, tried, wanted = 0, 0, n_rows
        while n_found < n_rows and tried < max(_LEAST_TRIES, _TRIES_PER_ROW * n_rows if n_found else 0):
            rows = self._from_pool(pool, wanted, rng, given or {})
            found.append(rows[:, self._obeys(rows)])
            n_found += found[-1].shape[1]
            tried += wanted
            expected = math.ceil(1.1 * (n_rows - n_found) * tried / max(n_found, 1)) + 1
            wanted = min(expected, 4 * wanted, max(n_rows, _LEAST_TRIES))
        return list(_exactly(np.concatenate(found, axis=1), n_rows, rng))

    def marginal(self, columns: Columns, rng: np.random.Generator, draws: int) -> FloatArray:
        """The model's shares of one to three columns' cells, under the rules about these columns alone.

        Args:
            columns: different positions; they give the order of the axes.
            rng: generator; the result reads released numbers only.
            draws: number of latent draws it is the mean of.

        Raises:
            PlanError: the rules leave nothing of these columns.
        """
        total = np.zeros([self.sizes[column] for column in columns])
        at_once = self._draws_at_once([columns])
        for first in range(0, draws, at_once):
            probabilities = self._probabilities(min(at_once, draws - first), rng)
            total += _sum_of_products([probabilities[column] for column in columns])
        for ruled, mask in self.allowed.items():
            if set(ruled) <= set(columns):
                total *= Table(ruled, mask).matched_to(columns)
        if not total.any():
            raise _nothing_found()
        return np.asarray(total / total.sum(), dtype=np.float64)

    def _draws_at_once(self, sets: Sequence[Columns]) -> int:
        """As many latent draws as fit in memory with their cells and with products over all but one of a set."""
        products = [math.prod(self.sizes[column] for column in columns[:-1]) for columns in sets]
        return max(1, _CELLS_AT_ONCE // (sum(self.sizes) + max(products, default=0)))

    def _probabilities(self, n_draws: int, rng: np.random.Generator) -> list[FloatArray]:
        probabilities = [np.asarray(each, dtype=np.float64) for each in self._probabilities_of(n_draws, rng)]
        shapes = [each.shape for each in probabilities]
        if shapes != [(n_draws, size) for size in self.sizes]:
            raise ValueError(f"{n_draws} draws of columns of {self.sizes} cells do not have the shapes {shapes}")
        return probabilities

    def _free(self, n_rows: int, rng: np.random.Generator) -> Codes:
        codes = np.zeros((len(self.sizes), n_rows), dtype=np.int32)
        for first in range(0, n_rows, self._at_once):
            part = codes[:, first : first + self._at_once]
            for column, weights in enumerate(self._probabilities(part.shape[1], rng)):
                part[column] = _draw(weights, rng)
        return codes

    def _pool(self, n_rows: int, rng: np.random.Generator, given: Mapping[int, BoolArray]) -> _Pool:
        """Latent draws until they are worth as many equally weighted ones as there are rows, within limits.

        Raises:
            PlanError: no latent draw has any mass that meets the conditions and the rules.
        """
        wanted = min(max(n_rows, _LEAST_EFFECTIVE), _MOST_EFFECTIVE)
        at_once = min(wanted, self._at_once)
        seeds: list[int] = []
        logs: list[FloatArray] = []
        total = squares = -math.inf
        while not _is_enough(len(seeds) * at_once, total, squares, wanted):
            seeds.append(int(rng.integers(2**63)))
            logs.append(self._log_masses(self._probabilities(at_once, np.random.default_rng(seeds[-1])), given))
            total = float(np.logaddexp(total, np.logaddexp.reduce(logs[-1])))
            squares = float(np.logaddexp(squares, np.logaddexp.reduce(2.0 * logs[-1])))
        if total == -math.inf:
            raise _nothing_found()
        return _Pool(seeds, np.exp(np.array(logs) - np.max(logs)))

    def _log_masses(self, probabilities: list[FloatArray], given: Mapping[int, BoolArray]) -> FloatArray:
        """Logarithm of each latent draw's mass that meets the conditions and the blocks' rules."""
        restricted, found = _restricted(probabilities, given)
        with np.errstate(divide="ignore"):
            for block in self._blocks:
                found += np.log(block.masses(restricted)[0])
        return found

    def _from_pool(self, pool: _Pool, n_rows: int, rng: np.random.Generator, given: Mapping[int, BoolArray]) -> Codes:
        """Cells of rows that meet the conditions and the blocks' rules, shape (n_columns, n_rows)."""
        chosen = spread(pool.weights.reshape(1, -1), np.zeros(n_rows, dtype=np.int64), rng)
        codes = np.zeros((len(self.sizes), n_rows), dtype=np.int32)
        at_once = pool.weights.shape[1]
        chunks = chosen // at_once
        for chunk in np.unique(chunks):
            latents = self._probabilities(at_once, np.random.default_rng(pool.seeds[chunk]))
            rows = np.flatnonzero(chunks == chunk)
            for first in range(0, len(rows), self._at_once):
                part = rows[first : first + self._at_once]
                own = [each[chosen[part] % at_once] for each in latents]
                codes[:, part] = self._cells(_restricted(own, given)[0], rng)
        return codes

    def _cells(self, probabilities: list[FloatArray], rng: np.random.Generator) -> Codes:
        """One cell per column and row, those of a block together."""
        drawn: dict[int, Codes] = {}
        for block in self._blocks:
            drawn |= zip(block.columns, block.draw(probabilities, rng), strict=True)
        return np.array(
            [drawn[column] if column in drawn else _draw(weights, rng) for column, weights in enumerate(probabilities)]
        )

    def _obeys(self, codes: Codes) -> BoolArray:
        """Which rows keep the rules that share columns with a block."""
        obeys = np.ones(codes.shape[1], dtype=np.bool_)
        for columns, mask in self._overlapping.items():
            obeys &= mask[tuple(codes[column] for column in columns)]
        return obeys


def _blocks(
    allowed: Mapping[Columns, BoolArray], sizes: Sequence[int]
) -> tuple[list[_Block], dict[Columns, BoolArray]]:
    """Rules as blocks that share no column, and those left to rejection because a block with them would be large."""
    blocks: list[_Block] = []
    others: dict[Columns, BoolArray] = {}
    for columns in sorted(allowed, key=lambda columns: (-len(columns), columns)):
        sharing = [block for block in blocks if not set(columns).isdisjoint(block.columns)]
        union = tuple(sorted(set(columns).union(*(block.columns for block in sharing))))
        shape = [sizes[column] for column in union]
        if sharing and math.prod(shape) > _LARGEST_BLOCK:
            others[columns] = allowed[columns]
            continue
        mask = np.ones(shape, dtype=np.bool_)
        for part in (_Block(columns, allowed[columns]), *sharing):
            mask &= Table(part.columns, part.mask).matched_to(union)
        blocks = [block for block in blocks if set(columns).isdisjoint(block.columns)]
        blocks.append(_Block(union, mask))
    return blocks, others


def _is_enough(n_latents: int, log_total: float, log_squares: float, wanted: int) -> bool:
    """Whether latent draws are worth so many equally weighted ones, (Σw)² / Σw², or were tried long enough."""
    if log_total == -math.inf:
        return n_latents >= _MOST_LATENTS_WITHOUT_MASS
    return n_latents >= _MOST_LATENTS or 2.0 * log_total - log_squares >= math.log(wanted)


def _restricted(probabilities: list[FloatArray], given: Mapping[int, BoolArray]) -> tuple[list[FloatArray], FloatArray]:
    """Probabilities given the conditions, and the logarithm of the conditions' mass; zero where that is nothing."""
    found = list(probabilities)
    logs = np.zeros(len(probabilities[0]))
    for column, cells in given.items():
        narrowed = probabilities[column] * cells
        mass = narrowed.sum(axis=1)
        found[column] = narrowed / np.where(mass > 0.0, mass, 1.0)[:, None]
        with np.errstate(divide="ignore"):
            logs += np.log(mass)
    return found, logs


def _draw(weights: FloatArray, rng: np.random.Generator) -> Codes:
    """A cell for each row of weights, shape (n, size), by its share of them; never one without weight."""
    cumulative = np.cumsum(weights, axis=1)
    total = cumulative[:, -1]
    points = np.minimum(rng.random(len(total)) * total, np.nextafter(total, 0.0))
    return np.asarray((cumulative <= points[:, None]).sum(axis=1), dtype=np.int32)


def _sum_of_products(factors: list[FloatArray]) -> FloatArray:
    """Sum over n of the outer products of each factor's row n, of shape (n, size)."""
    left = factors[0]
    for factor in factors[1:-1]:
        left = (left[:, :, None] * factor[:, None, :]).reshape(len(left), -1)
    summed = left.T @ factors[-1] if len(factors) > 1 else left.sum(axis=0)
    return summed.reshape([factor.shape[1] for factor in factors])


def _exactly(rows: Codes, n_rows: int, rng: np.random.Generator) -> Codes:
    """So many of the rows in random order; where there are not enough, all of them and repetitions."""
    order = random_order(rows.shape[1], rng)[:n_rows]
    if n_rows and not len(order):
        raise _nothing_found()
    missing = n_rows - len(order)
    return rows[:, np.concatenate([order, rng.choice(order, missing)]) if missing else order]


def _nothing_found() -> PlanError:
    return PlanError("no row of the model meets the conditions: widen them")
