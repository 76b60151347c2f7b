"""Noise that can be repeated, for tests only: a run that uses it has no privacy and records so."""

import numpy as np


class SeededNoise:
    """Uniform words from a seeded generator."""

    secure = False

    def __init__(self, seed):
        self._generator = np.random.default_rng(seed)

    def words(self, count):
        return self._generator.integers(0, 2**64, size=count, dtype=np.uint64)


class SeededNoiseThatPassesAsSecure(SeededNoise):
    """For tests of mechanisms whose cost must stay finite."""

    secure = True
