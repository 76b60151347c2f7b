"""What makes two tables neighbours, checked on every pair."""

import numpy as np
import pandas as pd
import pytest

from engine.audit.neighbours import Neighbours, all_neighbours, neighbours_named
from engine.data.encode import LearnedDomain, table_domain
from engine.privacy.contributions import bound_contributions
from engine.privacy.noise import SecureNoise

PAIRS = all_neighbours()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_tables_differ_by_one_unit(pair):
    larger, smaller = pair.table(True), pair.table(False)
    pd.testing.assert_frame_equal(larger.iloc[: len(smaller)], smaller)
    further = larger.iloc[len(smaller) :]
    assert len(further) == len(pair.canary) >= 1
    if pair.unit.id_column is not None:
        assert set(further[pair.unit.id_column]).isdisjoint(smaller[pair.unit.id_column])
        assert further[pair.unit.id_column].nunique() == 1
    else:
        assert len(further) == 1


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_all_known_rows_count_and_of_the_canary_as_many_as_stated(pair):
    kept = bound_contributions(pair.table(True), pair.unit, SecureNoise())
    assert len(kept) == len(pair.known) + pair.counted_rows


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_cells_are_those_of_the_rows(pair):
    fields = [field for field in pair.schema.fields if field.name != pair.unit.id_column]
    domain = table_domain(fields, {"group": LearnedDomain(("a", "d"))} if pair.name == "unlisted" else {})
    known, canary = pair.codes(domain)
    assert (known == np.stack(domain.encode(pair.known), axis=1)).all()
    assert (canary == np.stack(domain.encode(pair.canary), axis=1)[0]).all()
    known[:] = -1
    assert (pair.codes(domain)[0] >= 0).all(), "a caller's change must not reach the next one"


def test_pairs_are_found_by_name():
    assert [pair.name for pair in neighbours_named("far", "unseen")] == ["unseen", "far"]
    with pytest.raises(ValueError, match="no neighbours named near"):
        neighbours_named("near", "far")


def test_rows_of_a_canary_are_alike():
    (pair,) = neighbours_named("unseen")
    with pytest.raises(ValueError, match="alike"):
        Neighbours("other", "two different rows", pair.schema, pair.known, pair.known.iloc[:10])
