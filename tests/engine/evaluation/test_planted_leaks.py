"""Synthesizers that leak on purpose, on the sample table, and what the whole report calls them."""

from functools import cache

import numpy as np
import pytest

from engine.data.ingest import read_table
from engine.data.samples.make_encounters import SCHEMA_PATH, TABLE_PATH
from engine.data.schema import TableSchema
from engine.evaluation.context import Claim
from engine.evaluation.evaluate import evaluate
from engine.pipeline import synthesize
from engine.privacy.plan import SynthesisPlan
from tests.leaks import planted_leaks

pytestmark = pytest.mark.slow

N_TRAIN, N_HOLDOUT = 2000, 600


@cache
def sample():
    """The sample table's schema, rows to learn from and rows set aside."""
    schema = TableSchema.load(SCHEMA_PATH)
    table = read_table(TABLE_PATH, schema=schema).table
    order = np.random.default_rng(1).permutation(len(table))
    train, holdout = order[:N_TRAIN], order[N_TRAIN : N_TRAIN + N_HOLDOUT]
    return schema, table.iloc[train].reset_index(drop=True), table.iloc[holdout].reset_index(drop=True)


def report(method, epsilon=1.0, seed=0):
    """The whole report of a run, made as a worker makes it."""
    schema, train, holdout = sample()
    result = synthesize(train, SynthesisPlan(schema=schema, method=method, epsilon=epsilon), sample_seed=seed)
    return evaluate(
        train,
        holdout,
        result.synthetic,
        schema,
        target="readmitted",
        seed=seed,
        claim=Claim.of(result.certificate),
        synthesizer=result.synthesizer,
    )


@pytest.mark.parametrize(
    ("leak", "named"),
    [
        ("leak-copies", {("copies", "copied_rows")}),
        ("leak-no-noise", {("noise-check", "noise_missing")}),
        ("leak-half-noise", {("noise-check", "noise_missing")}),
        ("leak-rows", {("copies", "copied_rows"), ("membership", "epsilon_exceeded")}),
    ],
)
def test_a_leak_is_named(leak, named):
    with planted_leaks():
        alarms = report(leak)["alarms"]
    raised = {(alarm["metric"], alarm["code"]) for alarm in alarms}
    by_attacks = {(metric, code) for metric, code in raised if code == "attack_beats_control"}
    assert raised - by_attacks == named
    assert not by_attacks or leak == "leak-rows"


@pytest.mark.parametrize("method", ["aim", "mst", "independent", "dp-ctgan"])
def test_an_honest_method_is_accused_of_nothing(method):
    made = report(method)
    assert made["alarms"] == []
    assert "unavailable" not in made["metrics"]["noise-check"]
