"""Exact counts: many sets at once, block by block, in memory or from a file, are what counting each alone gives."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.encode import table_domain
from engine.data.rows import FrameRows
from engine.execution import Execution, ScratchFolder
from engine.privacy import counting
from engine.privacy.counting import Counts, count_block, count_here
from engine.privacy.encoded_rows import encode_rows
from tests.tables import SMALL_SCHEMA, small_table

DOMAIN = table_domain(SMALL_SCHEMA.fields, {})


@pytest.fixture
def folder(tmp_path):
    with_scratch = ScratchFolder(Execution(scratch=tmp_path))
    yield with_scratch
    with_scratch.close()


def brute_force(codes, columns, sizes):
    counts = np.zeros([sizes[column] for column in columns], dtype=np.int64)
    for row in zip(*(codes[column] for column in columns), strict=True):
        counts[row] += 1
    return counts


@settings(max_examples=25, deadline=None)
@given(
    n_rows=st.integers(0, 120),
    chunk_rows=st.integers(1, 130),
    memory_bytes=st.sampled_from([0, 100, 10**6]),
    seed=st.integers(0, 1000),
)
def test_parts_and_places_change_no_code_and_no_count(tmp_path_factory, n_rows, chunk_rows, memory_bytes, seed):
    table = small_table(n_rows, seed)
    folder = ScratchFolder(Execution(scratch=tmp_path_factory.mktemp("scratch")))
    encoded = encode_rows(FrameRows(table, chunk_rows), DOMAIN, folder, memory_bytes)
    whole = DOMAIN.encode(table)
    assert encoded.n_rows == n_rows
    for column, codes in enumerate(whole):
        np.testing.assert_array_equal(encoded[column], codes)
    sets = [(0,), (1, 2), (0, 3), (3, 1), (0, 1, 2)]
    for columns, counts in zip(sets, Counts(encoded, DOMAIN.sizes).each(sets), strict=True):
        np.testing.assert_array_equal(counts, brute_force(whole, columns, DOMAIN.sizes))
    folder.close()


@pytest.mark.parametrize("size", [2, 256, 257, 65_536, 65_537])
def test_cells_take_the_smallest_integers(size):
    assert np.iinfo(np.min_scalar_type(size - 1)).max >= size - 1
    assert np.min_scalar_type(size - 1).itemsize == (1 if size <= 256 else 2 if size <= 65_536 else 4)


def test_sets_with_more_cells_than_a_block_has_rows():
    rng = np.random.default_rng(0)
    sizes = (300, 400, 3)
    block = [rng.integers(0, size, 1000).astype(np.min_scalar_type(size)) for size in sizes]
    sets = [(0, 1), (2,), (0, 1, 2)]
    assert counting.BLOCK_ROWS < 300 * 400
    for columns, counts in zip(sets, count_block(block, sets, sizes), strict=True):
        np.testing.assert_array_equal(
            counts.reshape([sizes[column] for column in columns]), brute_force(block, columns, sizes)
        )


def counted(folder, memory_bytes=0, **options):
    """Counts, and the sets that each pass over the rows was asked for."""
    passes = []

    def counter(rows, sets, sizes):
        passes.append(list(sets))
        return count_here(rows, sets, sizes)

    encoded = encode_rows(FrameRows(small_table(), 50), DOMAIN, folder, memory_bytes)
    return Counts(encoded, DOMAIN.sizes, counter, **options), passes, encoded


def test_all_sets_are_counted_in_one_pass_and_kept(folder):
    counts, passes, _ = counted(folder)
    pairs = list(itertools.combinations(range(4), 2))
    first = list(counts.each(pairs))
    again = list(counts.each([*pairs, (0,)]))
    assert passes == [sorted(pairs), [(0,)]]
    for one, other in zip(first, again, strict=False):
        np.testing.assert_array_equal(one, other)


def test_what_does_not_fit_is_counted_again(folder):
    counts, passes, _ = counted(folder, cache_bytes=8 * DOMAIN.sizes[1])
    for _ in range(2):
        np.testing.assert_array_equal(counts.of((1,)), brute_force([*DOMAIN.encode(small_table())], (1,), DOMAIN.sizes))
        assert counts.of((1, 2)).sum() == 400
    assert passes == [[(1,)], [(1, 2)], [(1, 2)]]


def test_many_cells_take_several_passes(folder, monkeypatch):
    monkeypatch.setattr(counting, "BATCH_CELLS", DOMAIN.sizes[0] * DOMAIN.sizes[1])
    counts, passes, _ = counted(folder)
    sets = [(0, 1), (1, 2), (0, 3), (2,)]
    assert [found.sum() for found in counts.each(sets)] == [400] * 4
    assert passes == [[(0, 1)], [(1, 2)], [(0, 3)], [(2,)]]


@pytest.mark.parametrize("memory_bytes", [0, 10**6])
def test_merged_cells(folder, memory_bytes):
    counts, passes, encoded = counted(folder, memory_bytes)
    groups = (np.arange(DOMAIN.sizes[0]) // 10).astype(np.int32)
    before = [counts.of((0,)), counts.of((1, 2)), counts.of((0, 2))]
    encoded.regroup(0, groups)
    counts.regroup(0, groups)
    sizes = (int(groups.max()) + 1, *DOMAIN.sizes[1:])
    assert counts.sizes == sizes
    codes = [groups[DOMAIN.encode(small_table())[0]], *DOMAIN.encode(small_table())[1:]]
    np.testing.assert_array_equal(encoded[0], codes[0])
    n_passes = len(passes)
    np.testing.assert_array_equal(counts.of((0,)), brute_force(codes, (0,), sizes))
    np.testing.assert_array_equal(counts.of((1, 2)), before[1])
    assert len(passes) == n_passes
    np.testing.assert_array_equal(counts.of((0, 2)), brute_force(codes, (0, 2), sizes))


def test_rows_lie_in_a_file_without_a_name(folder):
    encoded = encode_rows(FrameRows(small_table(), 50), DOMAIN, folder, 100)
    assert encoded.lies_in_file
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert list(folder.path.iterdir()) == []
    assert not encode_rows(FrameRows(small_table(), 50), DOMAIN, folder, 10**6).lies_in_file


def test_a_column_of_one_cell(folder):
    domain = table_domain([SMALL_SCHEMA.fields[1]], {})
    table = pd.DataFrame({"region": pd.Series(["north"] * 5, dtype="string")})
    assert Counts(encode_rows(FrameRows(table), domain, folder, 10**6), domain.sizes).of((0,)).tolist() == [5, 0, 0, 0]
