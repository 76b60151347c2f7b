"""Deep methods learn from private rows what the door released, and nothing else.

With every release frozen, a stranger's table must give the same networks to the last bit, the same checkpoints, the
same numbers of progress and the same rows. Each broken twin learns from a private row past the door, as implementations
in the wild do, and must be caught.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.privacy import gradient_sums
from engine.privacy.clipped_gradients import clipped_gradient_sum
from engine.privacy.mechanisms import gradient_sensitivity
from engine.synthesizers import deep_training
from engine.synthesizers.adversarial import AdversarialNetworks
from engine.synthesizers.autoencoder import AutoencoderNetworks
from engine.synthesizers.dp_ctgan import DpCtganSynthesizer
from engine.synthesizers.dp_tvae import DpTvaeSynthesizer
from engine.synthesizers.training import apply_gradients
from tests.doors import ReplayingTable, distance, fit, with_row
from tests.tables import small_plan, small_table

METHODS = {"dp-ctgan": DpCtganSynthesizer, "dp-tvae": DpTvaeSynthesizer}
GRADIENTS = "noisy_gradient_sum"
TIMES = {"rows_per_second": 0.0, "seconds_left": 0.0}


@pytest.fixture(autouse=True)
def few_parts(monkeypatch):
    """Four checkpoints per training."""
    monkeypatch.setattr(deep_training, "PARTS", 4)


class KeptStates:
    """Checkpoints that remember every state that was saved."""

    def __init__(self):
        self.states = []

    def load(self):
        return None

    def save(self, state):
        self.states.append(state)

    def begin(self, steps):
        pass

    def begun(self):
        return 0


def plan_of(method):
    """A plan in which a quarter of the rows is in each sample, so that a further row is in some of the 20."""
    return small_plan(method, epsilon=3.0, declared_rows=160)


def all_that_leaves(method, table, networks=None, synthesizer=None, **options):
    """The door, and by name what a run lets out: weights, checkpoints, progress and rows."""
    kept = KeptStates()
    changes = {"checkpoints": kept} | ({"networks": f"{__name__}:{networks.__name__}"} if networks else {})
    watched = type("Watched", (synthesizer or METHODS[method],), changes)
    events = []
    door, model, rng = fit(plan_of(method), table, synthesizer=watched, progress=events.append, **options)
    leaves = {name: array.tobytes() for name, array in model.weights_.items()}
    leaves["checkpoints"] = kept.states
    leaves["progress"] = [
        replace(event, training=event.training and replace(event.training, **TIMES)) for event in events
    ]
    leaves["rows"] = model.sample(200, rng).to_csv()
    return door, leaves


def replayed(method, table, recorded, check_sensitivity=False, **options):
    answers = {"calls": recorded.calls, "keys": recorded.keys, "check_sensitivity": check_sensitivity}
    return all_that_leaves(method, table, door=ReplayingTable, **answers, **options)[1]


def stranger():
    return small_table(n_rows=137, seed=99)


@pytest.mark.parametrize("method", METHODS)
def test_a_strangers_table_changes_nothing_that_leaves(method):
    recorded, leaves = all_that_leaves(method, small_table())
    assert replayed(method, stranger(), recorded) == leaves
    assert len(leaves["checkpoints"]) == 5
    assert replayed(method, small_table()[:0], recorded) == leaves, "a table without rows"


def moved_by_a_row(method, row, **options):
    """How far a further row moves each exact gradient sum, with every release and every sample as before."""
    recorded, leaves = all_that_leaves(method, small_table(), **options)
    moved = []

    class Measuring(ReplayingTable):
        def _release(self, call, exact, draw):
            if call.mechanism == GRADIENTS:
                moved.append(distance(call.norm, exact, self._calls[0][1]))
            return super()._release(call, exact, draw)

    answers = {"calls": recorded.calls, "keys": recorded.keys, "check_sensitivity": False}
    _, again = all_that_leaves(method, with_row(small_table(), **row), door=Measuring, **answers, **options)
    assert again == leaves
    return moved


ROW = {"age": 50, "region": "south", "smoker": True, "cost": 10.0}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("row", [ROW, {}], ids=["ordinary", "all missing"])
def test_a_row_moves_the_sums_it_is_in_by_at_most_the_clipping_norm(method, row, monkeypatch):
    """Clipped to 0.05, every gradient is cut, so a row adds the whole norm wherever it is in a sample."""
    monkeypatch.setattr(METHODS[method], "settings", replace(METHODS[method].settings, clipping_norm=0.05))
    moved = np.array(moved_by_a_row(method, row))
    assert len(moved) == 20
    assert ((moved == 0.0) | ((moved > 0.0499) & (moved <= gradient_sensitivity(0.05)))).all()
    assert 1 <= (moved > 0.0).sum() <= 12, "a quarter of 20 samples; beyond these bounds once in 300"


class NoiseOnTheSyntheticHalf(AdversarialNetworks):
    """Takes a step along exact gradients of private rows, and one along noisy gradients of synthetic ones."""

    def private_loss(self, codes):
        self.seen = codes
        return super().private_loss(codes)

    def learn(self, noisy, step):
        norm = self.settings.clipping_norm
        exact = clipped_gradient_sum(super().private_loss, self.private_layers, self.seen, norm)
        apply_gradients(self.private_layers, [part / self.expected_units for part in exact], self.optimizer)
        super().learn([torch.randn_like(part) for part in noisy], step)


class ExactGradients(AutoencoderNetworks):
    """Learns from exact gradients and lets the noisy ones go by."""

    def private_loss(self, codes):
        self.seen = codes
        return super().private_loss(codes)

    def learn(self, noisy, step):
        norm = self.settings.clipping_norm
        super().learn(clipped_gradient_sum(super().private_loss, self.private_layers, self.seen, norm), step)


class Dropout(AdversarialNetworks):
    """Draws of PyTorch's generator for each private row, so that how far it gets tells how many there are."""

    def private_loss(self, codes):
        kept = torch.rand(len(codes)) < 0.5
        return super().private_loss(codes) * kept


class Reparametrised(AutoencoderNetworks):
    """Draws the latent noise of each private row afresh, as is usual."""

    def private_loss(self, codes):
        positions = self.layout.positions(codes)
        mean, log_variance = self.encoder(positions)
        logits = self.generator(mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance))
        return -self.layout.log_softmax(logits).gather(1, positions).sum(1)


class TrueSampleSize:
    """Divides by the size of the sample instead of the expected one."""

    def private_loss(self, codes):
        self.expected_units = float(max(len(codes), 1))
        return super().private_loss(codes)


class TrueSampleSizeCtgan(TrueSampleSize, AdversarialNetworks):
    pass


class TrueSampleSizeTvae(TrueSampleSize, AutoencoderNetworks):
    pass


class EarlyStop:
    """Learns only while the loss of private rows falls."""

    best = np.inf

    def private_loss(self, codes):
        losses = super().private_loss(codes)
        self.latest = float(losses.detach().mean())
        return losses

    def learn(self, noisy, step):
        if self.latest < self.best:
            self.best = self.latest
            super().learn(noisy, step)


class EarlyStopCtgan(EarlyStop, AdversarialNetworks):
    pass


class EarlyStopTvae(EarlyStop, AutoencoderNetworks):
    pass


class LossOfPrivateRows:
    """Shows the loss of private rows in the progress."""

    latest = 0.0

    def private_loss(self, codes):
        losses = super().private_loss(codes)
        self.latest = float(losses.detach().mean())
        return losses

    def losses(self):
        return super().losses()[0], self.latest


class LossOfPrivateRowsCtgan(LossOfPrivateRows, AdversarialNetworks):
    pass


class LossOfPrivateRowsTvae(LossOfPrivateRows, AutoencoderNetworks):
    pass


class LatentsOfRows(AutoencoderNetworks):
    """Puts the points of private rows among those that synthetic rows are drawn from."""

    def private_loss(self, codes):
        self.seen = codes
        return super().private_loss(codes)

    def learn(self, noisy, step):
        super().learn(noisy, step)
        with torch.no_grad():
            means, _ = self.encoder(self.layout.one_hot(self.seen))
            self.latents[: len(means)] = means[: len(self.latents)]


TWINS = [
    ("dp-ctgan", NoiseOnTheSyntheticHalf, "generator.last.weight"),
    ("dp-ctgan", Dropout, "generator.last.weight"),
    ("dp-ctgan", TrueSampleSizeCtgan, "generator.last.weight"),
    ("dp-ctgan", EarlyStopCtgan, "generator.last.weight"),
    ("dp-ctgan", LossOfPrivateRowsCtgan, "progress"),
    ("dp-tvae", ExactGradients, "generator.last.weight"),
    ("dp-tvae", Reparametrised, "checkpoints"),
    ("dp-tvae", TrueSampleSizeTvae, "generator.last.weight"),
    ("dp-tvae", EarlyStopTvae, "generator.last.weight"),
    ("dp-tvae", LossOfPrivateRowsTvae, "progress"),
    ("dp-tvae", LatentsOfRows, "latents"),
]


@pytest.mark.parametrize(("method", "twin", "where"), TWINS)
def test_networks_that_learn_past_the_door_are_caught(method, twin, where):
    recorded, leaves = all_that_leaves(method, small_table(), networks=twin)
    again = replayed(method, stranger(), recorded, networks=twin)
    assert again[where] != leaves[where]


class ExactStart:
    """Starts the generator, and draws conditions, from the exact counts of each column."""

    def _train(self, table, state, progress):
        exact = [table._exact_counts((column,)).astype(float) for column in range(len(table.sizes))]
        honest = self.model_.marginal
        self.model_.marginal = lambda columns: exact[columns[0]] if len(columns) == 1 else honest(columns)
        super()._train(table, state, progress)


class ExactStartCtgan(ExactStart, DpCtganSynthesizer):
    pass


class ExactStartTvae(ExactStart, DpTvaeSynthesizer):
    pass


class ExactSampleSize(DpCtganSynthesizer):
    """Expects as many rows in a sample as there are."""

    def _train(self, table, state, progress):
        super()._train(table, replace(state, estimated_rows=float(len(table._codes[0]))), progress)


@pytest.mark.parametrize(
    ("method", "twin"), [("dp-ctgan", ExactStartCtgan), ("dp-tvae", ExactStartTvae), ("dp-ctgan", ExactSampleSize)]
)
def test_methods_that_count_past_the_door_are_caught(method, twin):
    recorded, leaves = all_that_leaves(method, small_table(), synthesizer=twin)
    again = replayed(method, stranger(), recorded, synthesizer=twin)
    assert again["generator.last.weight"] != leaves["generator.last.weight"]


HONEST_CONDITIONS = deep_training.drawn_conditions


def exact_conditions(table):
    """A twin of the conditions' draw: the shares of the regions, the only column of four cells, are exact."""
    counts = table["region"].value_counts()
    exact = np.array([*(counts.get(name, 0) for name in ("north", "south", "east")), 1], dtype=float)

    def drawn(n_points, layout, shares):
        return HONEST_CONDITIONS(n_points, layout, [exact if share.size == 4 else share for share in shares])

    return drawn


def test_conditions_from_exact_frequencies_are_caught(monkeypatch):
    monkeypatch.setattr(deep_training, "drawn_conditions", exact_conditions(small_table()))
    recorded, leaves = all_that_leaves("dp-ctgan", small_table())
    monkeypatch.setattr(deep_training, "drawn_conditions", exact_conditions(stranger()))
    assert replayed("dp-ctgan", stranger(), recorded)["latents"] != leaves["latents"]


class CentredCtgan(AdversarialNetworks):
    """Compares each private row with the mean of its sample, so that one row changes the gradients of all."""

    def private_loss(self, codes):
        rows = self.layout.one_hot(codes)
        centred = (rows - rows.mean(0)) / (rows.std(0, correction=0) + 1e-3)
        return functional.softplus(-self.discriminator(torch.cat([centred, torch.zeros_like(rows)], 1)))


class CentredTvae(AutoencoderNetworks):
    """Normalises latent points over the private sample, so that one row changes the gradients of all."""

    def private_loss(self, codes):
        rows = self.layout.one_hot(codes)
        mean, log_variance = self.encoder(rows)
        centred = (mean - mean.mean(0)) / (mean.std(0, correction=0) + 1e-3)
        return -(self.layout.log_softmax(self.generator(centred)) * rows).sum(1) + 0.0 * log_variance.sum(1)


@pytest.mark.parametrize(("method", "twin"), [("dp-ctgan", CentredCtgan), ("dp-tvae", CentredTvae)])
def test_statistics_of_a_batch_are_caught(method, twin):
    recorded, _ = all_that_leaves(method, small_table(), networks=twin)
    with pytest.raises(AssertionError, match="moved by"):
        replayed(method, with_row(small_table(), **ROW), recorded, check_sensitivity=True, networks=twin)


@pytest.mark.parametrize("method", METHODS)
def test_clipping_left_out_is_caught(method, monkeypatch):
    """Clipped to 0.05, every gradient is cut; the twin of the clipping cuts none."""
    monkeypatch.setattr(METHODS[method], "settings", replace(METHODS[method].settings, clipping_norm=0.05))

    def unclipped(loss_of, layers, rows, clipping_norm, units=None):
        return clipped_gradient_sum(loss_of, layers, rows, 1e9, units)

    monkeypatch.setattr(gradient_sums, "clipped_gradient_sum", unclipped)
    recorded, _ = all_that_leaves(method, small_table())
    with pytest.raises(AssertionError, match="moved by"):
        replayed(method, with_row(small_table(), **ROW), recorded, check_sensitivity=True)
