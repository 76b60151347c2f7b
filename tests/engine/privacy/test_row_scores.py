"""Scores of rows: whole weights, one row at a time."""

import numpy as np
import pytest

from engine.privacy.row_scores import RowScores

RNG = np.random.default_rng(0)
SIZES = (4, 3, 5)


def weights(n_scores):
    return tuple(RNG.integers(-1000, 1000, (size, n_scores)) for size in SIZES)


def block(n_rows):
    return [RNG.integers(0, size, n_rows).astype(np.uint8) for size in SIZES]


@pytest.mark.parametrize("n_scores", [1, 3])
def test_a_row_falls_where_it_falls_alone(n_scores):
    scores = RowScores(weights(n_scores), np.array([-500, 0, 700]) if n_scores == 1 else None)
    rows = block(200)
    alone = [int(scores.cells([column[row : row + 1] for column in rows])[0]) for row in range(200)]
    assert scores.cells(rows).tolist() == alone
    assert set(alone) <= set(range(scores.n_cells))
    for row in range(20):
        totals = [
            sum(int(part[column[row], place]) for part, column in zip(scores.weights, rows, strict=True))
            for place in range(n_scores)
        ]
        by_hand = sum(totals[0] >= border for border in (-500, 0, 700)) if n_scores == 1 else int(np.argmax(totals))
        assert alone[row] == by_hand


def test_a_digest_tells_scores_apart():
    first = RowScores(weights(1), np.array([0]))
    assert first.digest() == RowScores(first.weights, np.array([0])).digest()
    assert first.digest() != RowScores(first.weights, np.array([1])).digest()
    assert first.digest() != RowScores(weights(1), np.array([0])).digest()


@pytest.mark.parametrize(
    ("parts", "borders"),
    [
        ((), None),
        ((np.zeros((2, 1)),), np.array([0])),
        ((np.zeros((2, 1), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)), None),
        ((np.zeros((2, 2), dtype=np.int64),), np.array([0])),
        ((np.zeros((2, 1), dtype=np.int64),), np.array([1, 1])),
    ],
)
def test_what_makes_no_scores(parts, borders):
    with pytest.raises(ValueError, match=r"weight|borders"):
        RowScores(parts, borders)
