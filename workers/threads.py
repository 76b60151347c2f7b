"""How many threads a run computes with. Libraries read these variables once, when they are imported."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def limit_threads(threads: int, environment: MutableMapping[str, str] | None = None) -> None:
    """Set the number of computing threads for this process and the ones it starts, before numpy is imported.

    Args:
        threads: how many; 0 takes the number of processor cores.
        environment: variables to set; the process's own where None.
    """
    target = os.environ if environment is None else environment
    for name in VARIABLES:
        target[name] = str(threads or os.cpu_count() or 1)
