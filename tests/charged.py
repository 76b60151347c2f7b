"""What a releasable report asks of private rows, through doors whose answers are recorded and replayed."""

import numpy as np

from engine.evaluation.charged import measure
from engine.evaluation.charged_cells import report_cells
from engine.pipeline import complete_columns
from engine.privacy.price import price_plan
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.registry import synthesizer_class
from tests.doors import RecordingTable, ReplayingTable
from tests.noise_sources import SeededNoiseThatPassesAsSecure


class Frozen:
    """A run with its report, with every source of randomness fixed.

    Args:
        plan: what to do.
        train: rows to learn from.
        holdout: rows set aside, or None.
        recorded: an earlier run whose answers are given again; None draws noise.
        check_sensitivity: whether exact answers are held against the recorded ones.
        measured: stands in for `measure`, in broken twins.
    """

    def __init__(self, plan, train, holdout=None, recorded=None, check_sensitivity=False, measured=measure):
        self.budget = price_plan(plan).budget()
        self.doors = []
        self._plan, self._recorded, self._check = plan, recorded, check_sensitivity
        rng = np.random.default_rng(7)
        self.model = synthesizer_class(plan.method)()
        first = self._door(train)
        self.model.fit(first, plan, rng)
        self.synthetic = complete_columns(self.model.sample(200, rng), plan, rng)
        cells = report_cells(first.domain, self.synthetic, self.model.estimated_rows_)
        doors = [self._door(rows) if rows is not None else None for rows in (train, holdout)]
        self.released = measured(cells, plan.target, *doors, self.budget.take_held_back())

    def _door(self, table):
        fields, unit = modelled_fields(self._plan), self._plan.unit
        noise = SeededNoiseThatPassesAsSecure(7 + len(self.doors))
        if self._recorded is None:
            door = RecordingTable(table, fields, unit, self.budget, noise)
        else:
            before = self._recorded.doors[len(self.doors)]
            answers = {"calls": before.calls, "keys": before.keys, "check_sensitivity": self._check}
            door = ReplayingTable(table, fields, unit, self.budget, noise, **answers)
        self.doors.append(door)
        return door
