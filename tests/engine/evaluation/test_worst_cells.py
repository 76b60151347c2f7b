import numpy as np
import pytest

from engine.evaluation.binning import ColumnCells
from engine.evaluation.intervals import newcombe_interval
from engine.evaluation.worst_cells import MISSING_LABEL, WorstCells, cell_labels

FIRST = ColumnCells("a", "string", ("x", "y"), {})
SECOND = ColumnCells("b", "string", ("u", "v", "w"), {})


def counts(real, synthetic):
    return {"train": np.array(real), "synthetic": np.array(synthetic)}


def test_labels_follow_the_row_major_number():
    names = [cell_labels((FIRST, SECOND), position) for position in range(FIRST.size * SECOND.size)]
    assert names[0] == ["x", "u"]
    assert names[6] == ["y", "w"]
    assert names[-1] == [MISSING_LABEL, MISSING_LABEL]
    assert len({tuple(name) for name in names}) == 12


def test_the_worst_cell_of_each_table_is_listed_worst_first():
    worst = WorstCells(2)
    worst.add([FIRST], counts([50, 50, 0], [44, 53, 3]))
    worst.add([SECOND], counts([40, 30, 20, 10], [40, 0, 50, 10]))
    worst.add([FIRST], counts([50, 50, 0], [50, 49, 1]))
    listed = worst.to_json()
    assert [cell["labels"] for cell in listed] == [["v"], ["x"]]
    assert listed[0] | {"interval": None} == {
        "columns": ["b"],
        "labels": ["v"],
        "real": 0.3,
        "synthetic": 0.0,
        "difference": -0.3,
        "interval": None,
    }
    assert worst.n_cells == 3 + 4 + 3


def test_intervals_are_made_for_all_cells_together():
    worst = WorstCells(1)
    worst.add([SECOND], counts([40, 30, 20, 10], [40, 0, 50, 10]))
    assert worst.to_json()[0]["interval"] == pytest.approx(
        newcombe_interval((30, 100), (0, 100), 1 - 0.05 / 4), abs=1e-6
    )


def alarms(confidence_of_one):
    """Share of tables of equal populations in which the interval of the worst cell leaves out 0."""
    rng = np.random.default_rng(0)
    columns = [ColumnCells("a", "string", tuple(map(str, range(39))), {})]
    shares = rng.dirichlet(np.full(40, 5.0))
    missed = 0
    for _ in range(400):
        worst = WorstCells(1)
        real, synthetic = rng.multinomial(2000, shares, size=2)
        worst.add(columns, counts(real, synthetic))
        cell = worst.to_json()[0]
        low, high = cell["interval"]
        if confidence_of_one:
            low, high = newcombe_interval((round(cell["real"] * 2000), 2000), (round(cell["synthetic"] * 2000), 2000))
        missed += not low <= 0 <= high
    return missed / 400


def test_the_worst_of_equal_cells_is_rarely_taken_for_different():
    # At most 5 % by Bonferroni's inequality; five standard errors of 400 trials are 5.4 %.
    assert alarms(confidence_of_one=False) < 0.105


def test_an_interval_for_one_cell_alone_takes_the_worst_for_different():
    assert alarms(confidence_of_one=True) > 0.2
