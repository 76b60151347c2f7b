"""Our training of TVAE computes the ctgan library's loss, and draws what the decoder says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ctgan.data_transformer import SpanInfo
from ctgan.synthesizers.tvae import _loss_function

from engine.errors import CancelledError
from engine.synthesizers.network_settings import TvaeSettings
from engine.synthesizers.one_hot import OneHotRows
from engine.synthesizers.plain_columns import PlainTable
from engine.synthesizers.tvae_training import reconstruction_loss, train_tvae
from tests.engine.synthesizers.test_ctgan_training import features

CPU = torch.device("cpu")
SHORT = TvaeSettings(epochs=2, batch_size=150)


def test_the_reconstruction_loss_is_the_librarys():
    rows = OneHotRows(features(), np.random.default_rng(0), CPU)
    chosen = torch.arange(0, 400, 3)
    torch.manual_seed(0)
    raw, deviations = torch.randn(len(chosen), rows.layout.width), torch.rand(rows.layout.width) + 0.1
    spans = [[SpanInfo(1, "tanh")]] * rows.layout.n_numbers + [
        [SpanInfo(size, "softmax")] for size in rows.layout.sizes
    ]
    nothing = torch.zeros(len(chosen), 3)
    theirs, _ = _loss_function(raw, rows.batch(chosen), deviations, nothing, nothing, spans, 2)
    torch.testing.assert_close(2.0 * reconstruction_loss(raw, deviations, rows, chosen), theirs)


def test_an_epoch_takes_every_row_once_and_its_numbers_are_reported(monkeypatch):
    monkeypatch.setattr("engine.synthesizers.training_progress.SECONDS_BETWEEN_REPORTS", 0.0)
    events, taken, honest = [], [], OneHotRows.batch
    monkeypatch.setattr(OneHotRows, "batch", lambda self, rows: (taken.append(rows), honest(self, rows))[1])
    train_tvae(features(), SHORT, "cpu", np.random.default_rng(0), events.append)
    assert sorted(torch.cat(taken[:3]).tolist()) == list(range(400))
    assert [event.training.step for event in events] == list(range(1, 7))
    assert all(event.training.epsilon is None and event.training.discriminator_loss is None for event in events)


def test_it_stops_where_its_caller_says_so(monkeypatch):
    monkeypatch.setattr("engine.synthesizers.training_progress.SECONDS_BETWEEN_REPORTS", 0.0)

    def stop(event):
        raise CancelledError("enough")

    with pytest.raises(CancelledError):
        train_tvae(features(), replace(SHORT, epochs=10**6), "cpu", np.random.default_rng(0), stop)


@pytest.mark.slow
def test_it_learns_a_relation():
    """Two columns that are equal in every row are equal in most made rows; after one epoch, in about half of them."""
    codes = np.repeat(np.random.default_rng(0).integers(0, 2, 1_000), 2).reshape(-1, 2)
    table = PlainTable(codes, (2, 2), np.zeros((1_000, 0)))
    agreement = {}
    for epochs in (1, 40):
        settings = replace(SHORT, epochs=epochs, batch_size=100, learning_rate=3e-3, embedding=8)
        model = train_tvae(table, settings, "cpu", np.random.default_rng(0), lambda event: None)
        made = model.draw(2_000, np.random.default_rng(1)).codes
        agreement[epochs] = (made[:, 0] == made[:, 1]).mean()
    assert agreement[40] > 0.8 > 0.65 > agreement[1]
    assert 0.3 < made[:, 0].mean() < 0.7
