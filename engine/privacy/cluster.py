"""Counting on a Dask cluster: counts add up over blocks of rows, so each task counts some blocks of the shared file.

A task is a pure function of the file, its blocks and the sets of columns, so the scheduler may run it again where a
worker is lost. The cluster sees what this process sees: its workers, and the network between them, are part of the
trusted side.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ExecutionError
from engine.privacy.column_blocks import BlockPlace, map_block
from engine.privacy.counting import Columns, cells_of, count_block
from engine.privacy.encoded_rows import EncodedRows
from engine.privacy.noise import IntArray

TASKS_PER_THREAD = 4
CONNECT_SECONDS = 30

CountTask = Callable[
    [str, Sequence[BlockPlace], Sequence[np.dtype[Any]], Sequence[Columns], Sequence[int]], list[IntArray]
]


def count_in_file(
    path: str,
    places: Sequence[BlockPlace],
    dtypes: Sequence[np.dtype[Any]],
    column_sets: Sequence[Columns],
    sizes: Sequence[int],
) -> list[IntArray]:
    """Counts of each set's cells in some blocks of a file of encoded rows.

    Args:
        path: the file, on a folder that all workers see.
        places: the blocks.
        dtypes: of each column's cells.
        column_sets: positions of the columns of each set.
        sizes: number of cells per column.
    """
    totals = [np.zeros(cells_of(columns, sizes), dtype=np.int64) for columns in column_sets]
    with Path(path).open("rb") as file:
        for place in places:
            block = map_block(file, place, dtypes, mode="r")
            for total, counts in zip(totals, count_block(block, column_sets, sizes), strict=True):
                total += counts
    return totals


class ClusterCounter:
    """Counts on a cluster.

    Args:
        scheduler: address of the Dask scheduler.
        task: what a worker does.

    Raises:
        ExecutionError: the scheduler does not answer.
    """

    def __init__(self, scheduler: str, task: CountTask = count_in_file) -> None:
        import distributed

        self._task = task
        self._client: Any = None
        client: Any = distributed.Client  # the library has no types
        with suppress(OSError, ValueError):
            self._client = client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        if self._client is None:
            raise ExecutionError("the Dask scheduler that ENGINE_SCHEDULER names does not answer: check its address")

    def close(self) -> None:
        """Leave the cluster; may be called twice."""
        self._client.close()

    def __call__(self, rows: EncodedRows, column_sets: Sequence[Columns], sizes: Sequence[int]) -> list[IntArray]:
        """Counts of each set's cells over all rows.

        Raises:
            ExecutionError: a worker failed, or workers were lost again and again.
        """
        from distributed import KilledWorker

        rows.publish()
        totals = [np.zeros(cells_of(columns, sizes), dtype=np.int64) for columns in column_sets]
        parts = _parts(rows.places, TASKS_PER_THREAD * max(1, sum(self._client.nthreads().values())))
        shared = (list(column_sets), tuple(sizes))
        tasks = [
            # the same blocks may hold other cells later, so no result may be taken from an earlier call
            self._client.submit(self._task, rows.path, part, rows.dtypes, *shared, pure=False)
            for part in parts
        ]
        failed = False
        try:
            for task in tasks:
                for total, counts in zip(totals, task.result(), strict=True):
                    total += counts
                task.release()
        except (KilledWorker, OSError, RuntimeError):
            failed = True
        if failed:
            raise ExecutionError("the cluster could not count the rows: its workers must see the folder ENGINE_SCRATCH")
        return totals


def _parts(places: Sequence[BlockPlace], n_parts: int) -> list[list[BlockPlace]]:
    """The blocks in at most `n_parts` runs of about the same length."""
    borders = np.linspace(0, len(places), min(n_parts, len(places)) + 1).astype(int).tolist()
    return [list(places[first:last]) for first, last in itertools.pairwise(borders)]
