"""Rows of a person: at most k, at random, and nobody else's rows move; in memory and part by part alike."""

import numpy as np
import pandas as pd
import pytest

from engine.data.rows import CHUNK_ROWS, FrameRows
from engine.errors import PlanError
from engine.execution import Execution, ScratchFolder
from engine.privacy.contributions import bounded_rows, held_out_units
from engine.privacy.noise import SecureNoise
from engine.privacy.plan import UnitKind, UnitOfProtection


class Parts:
    """Rows in memory that are treated as if they came from a file."""

    rereads_everything = False

    def __init__(self, table, chunk_rows=CHUNK_ROWS):
        self._rows = FrameRows(table, chunk_rows)
        self.names = self._rows.names

    def chunks(self, names):
        return self._rows.chunks(names)


def persons(*rows_of_each, nobody=0):
    owners = [f"p{person}" for person, rows in enumerate(rows_of_each) for _ in range(rows)] + [None] * nobody
    order = np.random.default_rng(0).permutation(len(owners))
    ids = pd.Series(owners, dtype="string")[order].reset_index(drop=True)
    return pd.DataFrame({"id": ids, "row": np.arange(len(owners))})


@pytest.fixture
def folder(tmp_path):
    scratch = ScratchFolder(Execution(scratch=tmp_path))
    yield scratch
    scratch.close()


def kept(table, k, folder, chunk_rows=None):
    rows = FrameRows(table) if chunk_rows is None else Parts(table, chunk_rows)
    unit = UnitOfProtection(UnitKind.PERSON, "id", k)
    return pd.concat(list(bounded_rows(rows, unit, SecureNoise(), folder).chunks(["id", "row"])), ignore_index=True)


@pytest.mark.parametrize("chunk_rows", [None, 7, 10**6])
@pytest.mark.parametrize("k", [1, 3])
def test_a_person_keeps_at_most_k_rows(folder, chunk_rows, k):
    found = kept(persons(1, 2, 3, 50, nobody=20), k, folder, chunk_rows)
    assert found.groupby("id").size().to_dict() == {"p0": 1, "p1": min(k, 2), "p2": min(k, 3), "p3": k}
    assert found["row"].is_monotonic_increasing


@pytest.mark.statistical
@pytest.mark.parametrize("chunk_rows", [None, 500])
def test_every_row_of_a_person_stays_equally_often(folder, chunk_rows):
    """χ² of the place that stays among four, for 2,000 persons: three degrees, 99.9999 % quantile 30.7."""

    def statistic(counts):
        return sum((count - 500) ** 2 / 500 for count in counts)

    table = persons(*[4] * 2000)
    table["place"] = table.groupby("id").cumcount()
    stays = kept(table, 1, folder, chunk_rows).merge(table, on="row")["place"].value_counts()
    assert statistic(stays) < 30.7
    assert statistic([2000, 0, 0, 0]) > 30.7


@pytest.mark.parametrize("chunk_rows", [1, 3, 10**6])
def test_a_person_more_changes_nobody_elses_rows(folder, chunk_rows):
    """With k as large as anyone's rows, what the others keep is all they have, whoever else is there."""
    table = persons(2, 3, 1)
    more = pd.concat([table, pd.DataFrame({"id": ["new"] * 9, "row": range(100, 109)})], ignore_index=True)
    more["id"] = more["id"].astype("string")
    others = kept(more, 3, folder, chunk_rows).query("id != 'new'")
    pd.testing.assert_frame_equal(others.reset_index(drop=True), kept(table, 3, folder, chunk_rows))


def test_persons_with_alike_ids_are_told_apart(folder):
    table = pd.DataFrame({"id": [f"{number}" for number in range(3000)] * 2, "row": range(6000)})
    table["id"] = table["id"].astype("string")
    assert kept(table, 1, folder, 500)["id"].nunique() == 3000


def test_ids_may_be_numbers(folder):
    table = pd.DataFrame({"id": pd.Series([1, 1, 2, None], dtype="Int64"), "row": range(4)})
    assert kept(table, 1, folder, 2)["id"].tolist() == [1, 2]


def test_single_rows_stay_as_they_are(folder):
    rows = Parts(persons(1, 2))
    assert bounded_rows(rows, UnitOfProtection(), SecureNoise(), folder) is rows


@pytest.mark.parametrize("chunk_rows", [3, 10**6])
def test_units_are_set_aside_whole(chunk_rows):
    table = persons(*[5] * 200, nobody=30)
    unit = UnitOfProtection(UnitKind.PERSON, "id", 5)
    held_out = held_out_units(Parts(table, chunk_rows), unit, 0.25, SecureNoise())
    per_person = pd.Series(held_out).groupby(table["id"].fillna("")).nunique()
    assert per_person.eq(1).all()
    # 200 persons with chance 1/4: standard deviation 6.1, six of them allowed
    assert abs(table["id"][held_out].nunique() - 50) < 37
    with pytest.raises(PlanError, match="must be between 0 and"):
        held_out_units(Parts(table), unit, 0.6, SecureNoise())


def test_single_rows_are_set_aside(folder):
    table = persons(*[1] * 4000)
    held_out = held_out_units(Parts(table, 700), UnitOfProtection(), 0.2, SecureNoise())
    assert abs(held_out.sum() - 800) < 6 * 25.3
    assert not held_out_units(Parts(table), UnitOfProtection(), 0.0, SecureNoise()).any()
    assert held_out_units(Parts(table.iloc[:0]), UnitOfProtection(), 0.2, SecureNoise()).shape == (0,)
