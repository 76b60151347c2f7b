"""The steps of a training through the door: samples, clipping, noise, and never one step too many."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from engine.data.encode import table_domain
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import BudgetExceededError
from engine.privacy import gradient_sums
from engine.privacy.accounting import compose_epsilon
from engine.privacy.budget import RunBudget
from engine.privacy.clipped_gradients import ROUNDING
from engine.privacy.gradient_sums import normals
from engine.privacy.noise import SecureNoise
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.private_table import PrivateTable
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope
from tests.doors import RecordingTable
from tests.tables import SMALL_SCHEMA, small_table

DELTA_EXTRA = 1e-8
TRAINING = SampledGaussian(0.25, 2.0, 40)
DOMAIN = table_domain(SMALL_SCHEMA.fields, {})
PERSON = UnitOfProtection(UnitKind.PERSON, "person", 3)


class ExactTable(RecordingTable):
    """Releases the exact sums: a twin without noise, with which samples can be looked at."""

    def _release(self, call, exact, draw):
        super()._release(call, exact, draw)
        return exact.clone() if isinstance(exact, torch.Tensor) else exact


def begun(door=PrivateTable, table=None, training=TRAINING, unit=None, clipping_norm=1.0, **options):
    table = small_table() if table is None else table
    budget = RunBudget(gaussian_envelope(training, DELTA_EXTRA) ** 2, DELTA_EXTRA)
    private = door(table, SMALL_SCHEMA.fields, unit or UnitOfProtection(), budget)
    private.encode(DOMAIN, keep_units=True)
    return private, private.train(training, clipping_norm, DELTA_EXTRA, "train", **options)


def counting_layers():
    """A layer whose bias has a gradient of one for each row: the sum of its gradients is the size of the sample."""
    layer = nn.Linear(1, 1)
    return [layer], lambda rows: layer(torch.zeros(len(rows), 1)).squeeze(1)


def sample_sizes(sums):
    layers, loss_of = counting_layers()
    return np.array([float(sums.next(loss_of, layers)[1]) for _ in range(sums.step, sums.steps)])


def test_the_whole_training_is_charged_when_it_begins():
    private, _ = begun()
    [charge] = private.budget.events()
    assert charge["mechanism"] == "noisy_gradients"
    assert (charge["sampling_rate"], charge["noise_multiplier"], charge["steps"]) == (0.25, 2.0, 40)
    assert charge["event"]["delta_extra"] == DELTA_EXTRA
    assert compose_epsilon([charge["event"]], 1e-6) >= compose_epsilon([TRAINING.event()], 1e-6)
    with pytest.raises(BudgetExceededError):
        private.train(TRAINING, 1.0, DELTA_EXTRA, "train again")


def test_no_step_is_taken_that_was_not_paid_for():
    layers, loss_of = counting_layers()
    _, sums = begun(steps_taken=38)
    for _ in range(2):
        sums.next(loss_of, layers)
    with pytest.raises(BudgetExceededError, match="more steps"):
        sums.next(loss_of, layers)


def is_poisson(sizes, n_units, rate):
    """Whether mean and variance of sample sizes are those of a binomial, each within 4.5 standard errors."""
    variance = n_units * rate * (1 - rate)
    mean_error = 4.5 * np.sqrt(variance / len(sizes))
    variance_error = 4.5 * variance * np.sqrt(2 / (len(sizes) - 1))
    return abs(sizes.mean() - n_units * rate) < mean_error and abs(sizes.var(ddof=1) - variance) < variance_error


def test_samples_are_poisson_samples():
    training = SampledGaussian(0.25, 5.0, 400)
    _, sums = begun(ExactTable, training=training, clipping_norm=2.0)
    assert is_poisson(sample_sizes(sums), 400, 0.25)


def test_shuffled_batches_are_no_poisson_samples(monkeypatch):
    """The twin deals a shuffled table in parts of equal size, as usual loaders do."""

    def shuffled(n_units, rate, source):
        chosen = np.zeros(n_units, dtype=bool)
        chosen[np.argsort(source.words(n_units))[: round(rate * n_units)]] = True
        return chosen

    monkeypatch.setattr("engine.privacy.poisson_samples.chosen_units", shuffled)
    _, sums = begun(ExactTable, training=SampledGaussian(0.25, 5.0, 400), clipping_norm=2.0)
    assert not is_poisson(sample_sizes(sums), 400, 0.25)


def test_units_are_independent_of_each_other_and_of_earlier_steps():
    """Rows are told apart by a gradient in a place of their own; correlations of 300 draws are below 4.5/√300."""
    layer = nn.Linear(20, 1)
    training = SampledGaussian(0.5, 5.0, 300)
    _, sums = begun(ExactTable, small_table(20).assign(age=5 * np.arange(20)), training, clipping_norm=2.0)
    cells = torch.eye(20)
    position = DOMAIN.columns[0].encode(pd.Series(5 * np.arange(20), dtype="Int64"))
    place = {int(cell): number for number, cell in enumerate(position)}

    def loss_of(rows):
        return layer(cells[[place[int(cell)] for cell in rows[:, 0]]]).squeeze(1)

    drawn = np.array([sums.next(loss_of, [layer])[0].squeeze(0).numpy() > 0 for _ in range(300)], dtype=float)
    assert abs(drawn.mean() - 0.5) < 4.5 * np.sqrt(0.25 / drawn.size)
    between_rows = np.corrcoef(drawn.T) - np.eye(20)
    between_steps = [np.corrcoef(drawn[:-1, row], drawn[1:, row])[0, 1] for row in range(20)]
    assert np.abs(between_rows).max() < 4.5 / np.sqrt(300)
    assert np.abs(between_steps).max() < 4.5 / np.sqrt(300)


def test_a_person_with_several_rows_is_one_example():
    """100 persons with 3 rows each: samples hold a quarter of the persons, and each adds what one may add."""
    table = small_table(300)
    table.insert(0, "person", pd.Series(np.repeat(np.arange(100), 3).astype(str), dtype="string"))
    training = SampledGaussian(0.25, 5.0, 400)
    _, sums = begun(ExactTable, table, training, PERSON, clipping_norm=1.0)
    assert is_poisson(sample_sizes(sums) / (1.0 - ROUNDING), 100, 0.25)


def test_samples_may_be_empty():
    _, sums = begun(ExactTable, training=SampledGaussian(1e-9, 5.0, 3))
    assert sample_sizes(sums).tolist() == [0.0, 0.0, 0.0]
    layers, loss_of = counting_layers()
    _, sums = begun(table=small_table()[:0], training=SampledGaussian(0.5, 5.0, 2))
    assert all(float(part) != 0.0 for part in sums.next(loss_of, layers)), "noise comes without rows too"


def noise_ratio(door):
    """Standard deviation of 4,000 released entries that are zero but for noise, over what it should be."""
    layer = nn.Linear(3999, 1)
    _, sums = begun(door, training=SampledGaussian(1e-9, 3.0, 1), clipping_norm=0.5)
    weight, bias = sums.next(lambda rows: layer(torch.zeros(len(rows), 3999)).squeeze(1), [layer])
    return float(torch.cat([weight.flatten(), bias]).std()) / 1.5


def test_noise_is_as_large_as_it_says():
    """The standard deviation of 4,000 draws has a relative error of 1/√8,000; five of them."""
    assert abs(noise_ratio(PrivateTable) - 1.0) < 5 / np.sqrt(8000)
    assert noise_ratio(ExactTable) == 0.0, "the twin without noise"


def test_normals_are_normal():
    """Mean, variance and fourth moment of 10⁶ draws within five standard errors, and tails on both sides."""
    draws = normals(1_000_001, 2.0, SecureNoise()).numpy() / 2.0
    assert len(draws) == 1_000_001
    assert abs(draws.mean()) < 5e-3
    assert abs(draws.var() - 1.0) < 5 * np.sqrt(2e-6)
    assert abs((draws**4).mean() - 3.0) < 5 * np.sqrt(96e-6)
    assert draws.max() > 4.0
    assert draws.min() < -4.0


@pytest.mark.parametrize("unit", [None, PERSON])
def test_a_sample_in_parts_has_the_same_sum(unit, monkeypatch):
    """Parts of 7 rows cut no person in two; sums of single precision differ in the last bits only."""
    table = small_table(60)
    table.insert(0, "person", pd.Series(np.repeat(np.arange(20), 3).astype(str), dtype="string"))
    torch.manual_seed(0)
    layer = nn.Linear(4, 1)

    def whole():
        _, sums = begun(ExactTable, table, SampledGaussian(1.0, 9.0, 1), unit, clipping_norm=0.5)
        return torch.cat([part.flatten() for part in sums.next(lambda rows: layer(rows.float()).squeeze(1), [layer])])

    expected = whole()
    monkeypatch.setattr(gradient_sums, "PART_ROWS", 7)
    assert torch.allclose(whole(), expected, atol=1e-4)


def test_units_must_be_kept():
    schema = TableSchema((Field("person", FieldType.STRING, source=DomainSource.PUBLIC, enum=("x",)),))
    table = small_table(30)
    table.insert(0, "person", pd.Series(["x"] * 30, dtype="string"))
    private = PrivateTable(table, [*schema.fields, *SMALL_SCHEMA.fields], PERSON, RunBudget(100.0, 1e-3))
    private.encode(table_domain([*schema.fields, *SMALL_SCHEMA.fields], {}))
    with pytest.raises(ValueError, match="units kept"):
        private.train(TRAINING, 1.0, DELTA_EXTRA, "train")
