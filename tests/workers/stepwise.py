"""A synthesizer for tests that trains by public steps: it measures once, keeps checkpoints, and tells its numbers.

A run names it `stepwise`. Every step that it takes is a line of the file that `STEPWISE_JOURNAL` names, so that a test
can count the steps that all attempts took together.
"""

import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np

from engine.data.schema import Field, FieldType, TableSchema
from engine.privacy.budget import Charge
from engine.progress import ProgressEvent, TrainingNumbers
from engine.synthesizers import registry
from engine.synthesizers.independent import IndependentSynthesizer
from engine.synthesizers.marginals import OneWay, estimate_total, learn_domain, measure_one_ways

STEPS = 40
STEPS_AT_A_TIME = 4
INFO = registry.MethodInfo(
    name="stepwise",
    title="Steps",
    summary="Takes public steps.",
    best_for="Tests",
    source="none",
    target="tests.workers.stepwise:StepwiseSynthesizer",
)
SCHEMA = TableSchema(
    (
        Field("colour", FieldType.STRING, enum=("blue", "green", "red"), required=True),
        Field("size", FieldType.STRING, enum=("small", "large"), required=True),
    )
)
TABLE = "colour,size\n" + "".join(
    f"{('blue', 'green', 'red')[row % 3]},{('small', 'large')[row % 2]}\n" for row in range(300)
)


@contextmanager
def registered():
    """The method is there for the block."""
    registry.register(INFO)
    try:
        yield
    finally:
        del registry._METHODS[INFO.name]


class StepwiseSynthesizer(IndependentSynthesizer):
    """Noisy one-way marginals, then steps that change one number."""

    def _fit(self, table, plan, rng, progress):
        self.plan_ = plan
        self.domain_ = learn_domain(table, plan, 0.0)
        state = self._begin(table)
        self.one_ways_ = [OneWay(np.array(counts), variance) for counts, variance in state["one_ways"]]
        self.estimated_rows_ = estimate_total(self.one_ways_)
        self._train(state, plan, progress)
        self._fit_model(table, self.one_ways_, {}, progress)

    def _begin(self, table):
        saved = self.checkpoints.load() if self.checkpoints is not None else None
        if saved is not None:
            state = json.loads(saved)
            for charge in state["charges"]:
                table.budget.spend(Charge(**charge))
            return state
        one_ways = measure_one_ways(table, table.budget.left_mu_squared)
        charges = [asdict(charge) for charge in table.budget._charges]
        state = {"one_ways": [(one.counts.tolist(), one.variance) for one in one_ways], "charges": charges, "loss": 1.0}
        self._save(state)
        return state

    def _save(self, state):
        if self.checkpoints is not None:
            self.checkpoints.save(json.dumps(state).encode())

    def _train(self, state, plan, progress):
        seconds = float(os.environ.get("STEPWISE_SECONDS", "0"))
        first = self.checkpoints.begun() if self.checkpoints is not None else 0
        for begun in range(first, STEPS, STEPS_AT_A_TIME):
            last = min(begun + STEPS_AT_A_TIME, STEPS)
            if self.checkpoints is not None:
                self.checkpoints.begin(last)
            for step in range(begun + 1, last + 1):
                note_step(step)
                time.sleep(seconds)
                state["loss"] *= 0.95
                progress(self._event(step, state["loss"], plan))
            self._save(state)

    def _event(self, step, loss, plan):
        numbers = TrainingNumbers(
            step=step,
            steps=STEPS,
            epoch=step / 10,
            generator_loss=loss,
            discriminator_loss=1.4 - loss / 2,
            epsilon=plan.epsilon * step / STEPS,
            rows_per_second=500.0,
            seconds_left=float(STEPS - step),
            device="cpu",
        )
        return ProgressEvent("fitting", 0.2 + 0.6 * step / STEPS, f"Step {step} of {STEPS}", numbers)


def note_step(step):
    """Write down, beyond any kill, that a step is taken."""
    if name := os.environ.get("STEPWISE_JOURNAL"):
        with open(name, "a", encoding="ascii") as stream:  # noqa: PTH123  # appending is one system call
            stream.write(f"{os.getpid()} {step}\n")
