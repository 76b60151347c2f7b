"""Private tables whose mechanisms are recorded and replayed: what a synthesizer may learn, frozen."""

import numpy as np
import pandas as pd

from engine.pipeline import complete_columns
from engine.privacy.price import price_plan
from engine.privacy.private_table import PrivateTable
from engine.progress import no_progress
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.registry import synthesizer_class
from tests.noise_sources import SeededNoiseThatPassesAsSecure


class RecordingTable(PrivateTable):
    """Keeps every call, its exact answer and what was released."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.calls = []
        self.keys = []

    def _fresh_key(self):
        self.keys.append(super()._fresh_key())
        return self.keys[-1]

    def _release(self, call, exact, draw):
        released = draw()
        self.calls.append((call, exact, released))
        return released


class ReplayingTable(PrivateTable):
    """Answers with recorded releases, and checks that the same was asked."""

    def __init__(self, *arguments, calls, keys, check_sensitivity, **options):
        super().__init__(*arguments, **options)
        self._calls = list(calls)
        self._keys = list(keys)
        self._check_sensitivity = check_sensitivity

    def _fresh_key(self):
        """The recorded key of a sample; no noise is drawn here, so the keys of noise are passed over."""
        key, _ = self._keys.pop(0), self._keys.pop(0)
        return key

    def _release(self, call, exact, draw):
        recorded, recorded_exact, released = self._calls.pop(0)
        assert call == recorded, "what is asked depends on private rows"
        if self._check_sensitivity:
            moved = distance(call.norm, exact, recorded_exact)
            assert moved <= call.sensitivity + 1e-9, f"an exact answer moved by {moved}"
        return released


def distance(norm, first, second):
    """How far two exact answers lie apart in the mechanism's own norm."""
    if norm == "categories":
        change = first.subtract(second, fill_value=0).to_numpy()
        return float(np.sqrt((change**2).sum()))
    change = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    return float(np.abs(change).max()) if norm == "linf" else float(np.sqrt((change**2).sum()))


def fit(plan, table, door=RecordingTable, synthesizer=None, seed=7, progress=no_progress, **options):
    """Fit with every source of randomness fixed; returns the door, the model and the generator that goes on."""
    noise = SeededNoiseThatPassesAsSecure(seed)
    private = door(table, modelled_fields(plan), plan.unit, price_plan(plan).budget(), noise, **options)
    rng = np.random.default_rng(seed)
    model = (synthesizer or synthesizer_class(plan.method))()
    model.fit(private, plan, rng, progress)
    return private, model, rng


def run(plan, table, n_rows=200, **options):
    """Fit and sample with every source of randomness fixed; returns the door and the synthetic rows."""
    private, model, rng = fit(plan, table, **options)
    return private, complete_columns(model.sample(n_rows, rng), plan, rng)


def replay(plan, table, recorded, check_sensitivity, **options):
    """Run on another table with the recorded releases."""
    return run(
        plan,
        table,
        door=ReplayingTable,
        calls=recorded.calls,
        keys=recorded.keys,
        check_sensitivity=check_sensitivity,
        **options,
    )


def with_row(table, **values):
    """The table and one more row; columns that are not named are missing."""
    row = pd.DataFrame({name: pd.Series([values.get(name, pd.NA)], dtype=table[name].dtype) for name in table})
    return pd.concat([table, row], ignore_index=True)
