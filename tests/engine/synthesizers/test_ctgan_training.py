"""Our training of CTGAN computes the ctgan library's losses, reports where it stands, and stops when asked to."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ctgan.data_transformer import SpanInfo
from ctgan.synthesizers.ctgan import CTGAN, Discriminator

from engine.errors import CancelledError, PlanError
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers import ctgan_training, one_hot
from engine.synthesizers.ctgan_training import condition_loss, gradient_penalty, train_ctgan
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.network_settings import CtganSettings
from engine.synthesizers.one_hot import OneHotRows, RowLayout
from engine.synthesizers.plain_columns import PlainTable, learn_columns
from tests.tables import SMALL_SCHEMA, small_table

CPU = torch.device("cpu")
SHORT = CtganSettings(epochs=2, batch_size=100)
LAYOUT = RowLayout(2, (3, 2, 4, 2), CPU)  # two numbers with their modes, then two columns of categories


def features(n_rows=400):
    fields = modelled_fields(SynthesisPlan(schema=SMALL_SCHEMA, method="ctgan"))
    return learn_columns(fields, small_table(n_rows), np.random.default_rng(0))[1]


def librarys(spans):
    """The library's synthesizer with a transformer that has these stretches and nothing else."""
    model = CTGAN(enable_gpu=False)
    model._transformer = type("Transformer", (), {"output_info_list": spans})()
    return model


@pytest.mark.parametrize("training", [True, False], ids=["with dropout", "without"])
def test_the_gradient_penalty_is_the_librarys(training):
    """Same points and same dropout; its value and its gradient on every weight agree to single precision."""
    torch.manual_seed(0)
    discriminator = Discriminator(7, (32, 16), pac=5).train(training)
    real, made = torch.randn(50, 7), torch.randn(50, 7, requires_grad=True)
    torch.manual_seed(1)
    theirs = discriminator.calc_gradient_penalty(real, made, "cpu", 5)
    theirs.backward()
    expected = [weight.grad.clone() for weight in discriminator.parameters() if weight.grad is not None]
    discriminator.zero_grad()
    torch.manual_seed(1)
    share = torch.rand(10, 1, 1).repeat(1, 5, 7).view(-1, 7)
    ours = gradient_penalty(discriminator, share * real + (1 - share) * made)
    ours.backward()
    found = [weight.grad for weight in discriminator.parameters() if weight.grad is not None and weight.grad.any()]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    for ours_each, theirs_each in zip(found, [each for each in expected if each.any()], strict=True):
        torch.testing.assert_close(ours_each, theirs_each, rtol=1e-3, atol=1e-5)


def test_the_condition_loss_is_the_librarys():
    torch.manual_seed(0)
    raw = torch.randn(60, LAYOUT.width, requires_grad=True)
    columns, within = torch.randint(2, (60,)), torch.randint(2, (60,))
    categories = within + columns * 4
    spans = [[SpanInfo(1, "tanh")]] * 2 + [
        [SpanInfo(3, "softmax"), SpanInfo(2, "softmax")]
    ]  # not columns of categories
    spans += [[SpanInfo(4, "softmax")], [SpanInfo(2, "softmax")]]
    asked = torch.zeros(60, 6).scatter_(1, categories[:, None], 1.0)
    theirs = librarys(spans)._cond_loss(raw, asked, torch.eye(2)[columns])
    torch.testing.assert_close(condition_loss(raw, columns, categories, LAYOUT), theirs)


def test_what_the_generator_gives_is_nearly_a_row():
    """Numbers lie between -1 and 1; a stretch sums to one, and its likeliest place is drawn by the softmax (Gumbel).

    20,000 draws of a stretch with chances 0.7 and 0.3: five standard errors of a share are 0.017. The twin without
    noise always gives the first place.
    """
    raw = torch.zeros(20_000, LAYOUT.width)
    raw[:, -2] = float(np.log(7 / 3))
    rows = LAYOUT.activate(raw, torch.Generator().manual_seed(0))
    assert rows[:, :2].abs().max() <= 1.0
    for stretch in LAYOUT.stretches(rows):
        torch.testing.assert_close(stretch.sum(dim=1), torch.ones(20_000))
    assert abs((LAYOUT.codes(rows)[:, -1] == 0).mean() - 0.7) < 0.017
    assert (LAYOUT.codes(raw)[:, -1] == 0).all()


def test_rows_are_dense_where_they_are_needed():
    table = features()
    rows = OneHotRows(table, np.random.default_rng(0), CPU)
    dense = rows.batch(torch.arange(len(rows))).numpy()
    assert dense.shape == (400, rows.layout.width)
    n_numbers = table.numbers.shape[1]
    assert (dense[:, n_numbers:].sum(axis=1) == len(rows.layout.sizes)).all()
    codes = rows.layout.codes(torch.from_numpy(dense))
    assert (codes[:, n_numbers:] == table.codes).all()
    back = rows.table(dense[:, :n_numbers], codes)
    assert np.abs(back.numbers - table.numbers).max() < 10


def test_too_many_categories_are_refused(monkeypatch):
    monkeypatch.setattr(one_hot, "MOST_PLACES", 5)
    with pytest.raises(PlanError, match="too many for this method"):
        train_ctgan(features(), SHORT, "cpu", np.random.default_rng(0), lambda event: None)


@pytest.mark.parametrize(
    "table",
    [
        PlainTable(np.zeros((1, 0), dtype=np.int64), (), np.array([[3.0]])),
        PlainTable(np.array([[0, 1]]), (2, 2), np.zeros((1, 0))),
        PlainTable(np.arange(7)[:, None] % 3, (3,), np.arange(7.0)[:, None]),
    ],
    ids=["one number", "one row of categories", "seven rows"],
)
def test_the_smallest_tables_can_be_learned(table):
    model = train_ctgan(table, SHORT, "cpu", np.random.default_rng(0), lambda event: None)
    made = model.draw(130, np.random.default_rng(0))
    assert (made.n_rows, made.sizes, made.numbers.shape[1]) == (130, table.sizes, table.numbers.shape[1])


def test_both_losses_are_reported_and_no_epsilon(monkeypatch):
    monkeypatch.setattr("engine.synthesizers.training_progress.SECONDS_BETWEEN_REPORTS", 0.0)
    events = []
    train_ctgan(features(), SHORT, "cpu", np.random.default_rng(0), events.append)
    assert [event.training.step for event in events] == list(range(1, 9))
    assert [event.training.epoch for event in events][-1] == 2.0
    assert all(event.training.epsilon is None for event in events)
    assert all(
        np.isfinite([event.training.generator_loss, event.training.discriminator_loss]).all() for event in events
    )
    assert events[-1].training.seconds_left == 0.0
    assert {event.training.device for event in events} == {"cpu"}


def test_it_stops_where_its_caller_says_so(monkeypatch):
    monkeypatch.setattr("engine.synthesizers.training_progress.SECONDS_BETWEEN_REPORTS", 0.0)
    seen = []

    def stop(event):
        seen.append(event)
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        train_ctgan(features(), replace(SHORT, epochs=10**6), "cpu", np.random.default_rng(0), stop)
    assert len(seen) == 1


def test_torchs_own_generator_is_left_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_ctgan(features(), SHORT, "cpu", np.random.default_rng(0), lambda event: None)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
def test_it_learns_a_relation():
    """Two columns that are equal in every row are equal in most made rows; before training, in about half of them."""
    codes = np.repeat(np.random.default_rng(0).integers(0, 2, 1_000), 2).reshape(-1, 2)
    table = PlainTable(codes, (2, 2), np.zeros((1_000, 0)))
    agreement = {}
    for epochs in (1, 60):
        settings = replace(SHORT, epochs=epochs, hidden=(64, 64), embedding=16, learning_rate=1e-3)
        model = train_ctgan(table, settings, "cpu", np.random.default_rng(0), lambda event: None)
        made = model.draw(2_000, np.random.default_rng(1)).codes
        agreement[epochs] = (made[:, 0] == made[:, 1]).mean()
    assert agreement[60] > 0.9 > agreement[1]


def test_blocks_are_all_linear_layers():
    assert [linear.out_features for linear, _ in ctgan_training._blocks(Discriminator(3, (8, 4), 1))] == [8, 4, 1]
