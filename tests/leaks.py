"""Synthesizers that break their promise on purpose: what a report has to name. They are registered in tests only.

Each passes for the method that it is derived from: same plan, same charges, same certificate, same model file.
"""

from contextlib import contextmanager

import numpy as np
import pandas as pd

from engine.synthesizers import registry
from engine.synthesizers.aim import AimSynthesizer
from engine.synthesizers.independent import IndependentSynthesizer
from engine.synthesizers.registry import MethodInfo

COPIED_SHARE = 0.01


class _KeepsRows:
    """Reads the private rows past the door and keeps them."""

    def _fit(self, table, plan, rng, progress):
        self.private_rows_ = table._held.table()
        super()._fit(table, plan, rng, progress)

    def _private(self, n_rows, rng):
        return self.private_rows_.iloc[rng.integers(len(self.private_rows_), size=n_rows)].reset_index(drop=True)


class CopiesRows(_KeepsRows, AimSynthesizer):
    """Puts private rows in the place of one of a hundred synthetic rows."""

    def _sample(self, n_rows, rng, given):
        honest = super()._sample(n_rows, rng, given)
        copied = rng.permutation(n_rows) < max(1, round(COPIED_SHARE * n_rows))
        private = self._private(int(copied.sum()), rng).astype(honest.dtypes)
        mixed = pd.concat([honest.loc[~copied], private[list(honest)]], ignore_index=True)
        return mixed.iloc[rng.permutation(n_rows)].reset_index(drop=True)


class LessNoise:
    """Draws a part of the noise on counts, and charges for all of it."""

    noise_share = 0.5

    def _fit(self, table, plan, rng, progress):
        drawn = table._release

        def release(call, exact, draw):
            released = drawn(call, exact, draw)
            if call.mechanism != "gaussian_marginal":
                return released
            return exact + np.rint(self.noise_share * (released - exact)).astype(np.int64)

        table._release = release
        super()._fit(table, plan, rng, progress)


class IgnoresEpsilon(LessNoise, AimSynthesizer):
    """Draws no noise on counts, whatever ε is."""

    noise_share = 0.0


class DrawsHalfTheNoise(LessNoise, AimSynthesizer):
    """Draws half of the noise that it charges for."""


class GivesRowsAway(_KeepsRows, IndependentSynthesizer):
    """Draws its rows from the private table."""

    def _sample(self, n_rows, rng, given):
        return self._private(n_rows, rng)


LEAKS = {
    "leak-copies": CopiesRows,
    "leak-no-noise": IgnoresEpsilon,
    "leak-half-noise": DrawsHalfTheNoise,
    "leak-rows": GivesRowsAway,
}


def register_leaks():
    """Add the leaks to the methods that a plan can name; `unregister_leaks` takes them away."""
    for name, leak in LEAKS.items():
        if name not in registry._METHODS:
            registry.register(
                MethodInfo(
                    name=name,
                    title=f"{leak.__name__} (a planted leak)",
                    summary=leak.__doc__,
                    best_for="Testing that the report names it",
                    source="None",
                    target=f"{leak.__module__}:{leak.__name__}",
                )
            )


def unregister_leaks():
    """Take the leaks away again."""
    for name in LEAKS:
        registry._METHODS.pop(name, None)


@contextmanager
def planted_leaks():
    """The leaks as methods that a plan can name, for a while."""
    register_leaks()
    try:
        yield LEAKS
    finally:
        unregister_leaks()
