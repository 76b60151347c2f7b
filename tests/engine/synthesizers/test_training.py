"""How the networks of the deep methods learn: from private rows through given gradients only, from free rows fully."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.privacy.clipped_gradients import clipped_gradient_sum
from engine.synthesizers.adversarial import AdversarialNetworks, _of_length
from engine.synthesizers.autoencoder import SLEEP_EVERY, AutoencoderNetworks
from engine.synthesizers.networks import CellLayout, Generator, Moments, drawn_conditions
from engine.synthesizers.training_settings import TrainingSettings, training_work

LAYOUT = CellLayout((2, 2, 2, 3))
SETTINGS = TrainingSettings(
    gradient_share=0.1,
    steps=100,
    hidden=32,
    latent=6,
    first_moment_steps=300,
    latent_points=300,
    rehearsal_steps=400,
    rehearsal_rows=200,
)
FLIPPED = 0.05
METHODS = [AutoencoderNetworks, AdversarialNetworks]


def related_rows(n_rows=4000, flipped=FLIPPED):
    """Three coins that fall alike, but for a share of the second and the third, and a column of its own."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 2, n_rows)
    second, third = (first ^ (rng.random(n_rows) < flipped) for _ in range(2))
    return torch.from_numpy(np.stack([first, second, third, rng.integers(0, 3, n_rows)], 1))


def networks(method, settings=SETTINGS, seed=0):
    """New networks whose noisy marginals are the columns of `related_rows`, without noise and without pairs."""
    torch.manual_seed(seed)
    shares = [np.full(size, 1.0 / size) for size in LAYOUT.sizes]
    conditional = method is AdversarialNetworks
    latents = torch.randn(settings.latent_points, settings.latent)
    if conditional:
        latents = torch.cat([latents, drawn_conditions(settings.latent_points, LAYOUT, shares)], 1)
    generator = Generator(LAYOUT, settings.latent, settings.hidden, shares, conditional)
    moments = Moments(LAYOUT, shares, {}, torch.device("cpu"))
    return method(generator, LAYOUT, moments, latents, settings, 100.0)


def relation_error(trained):
    """Total variation distance of the three coins to theirs, which is 0.65 for independent ones."""
    first, second, third, _ = LAYOUT.split(trained.probabilities())
    found = torch.einsum("na,nb,nc->abc", first, second, third) / len(first)
    kept = torch.tensor([[1.0 - FLIPPED, FLIPPED], [FLIPPED, 1.0 - FLIPPED]])
    truth = torch.einsum("ab,ac->abc", kept, kept) / 2.0
    return float((found - truth).abs().sum() / 2.0)


def states(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(before, module):
    return all(torch.equal(before[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize("method", METHODS)
def test_a_row_has_a_loss_of_its_own(method):
    """Single precision sums of 32 terms; whatever other rows are there, and nothing is drawn."""
    made, rows = networks(method), related_rows(50)
    state = torch.random.get_rng_state()
    losses = made.private_loss(rows)
    alone = torch.cat([made.private_loss(row[None]) for row in rows])
    torch.testing.assert_close(losses, alone, rtol=1e-5, atol=1e-6)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("method", METHODS)
def test_clipped_gradients_are_those_of_each_row_alone(method):
    """Against one backward pass per row, with half of the rows clipped; single precision sums of 40 rows."""
    made, rows = networks(method), related_rows(40)
    parameters = [parameter for layer in made.private_layers for parameter in (layer.weight, layer.bias)]
    gradients = [torch.autograd.grad(made.private_loss(row[None]).sum(), parameters) for row in rows]
    norms = [float(torch.cat([part.flatten() for part in gradient]).norm()) for gradient in gradients]
    clipping_norm = float(np.median(norms))
    factors = [min(1.0, clipping_norm / norm) for norm in norms]
    assert 0.2 < np.mean(np.array(factors) < 1.0) < 0.8
    found = clipped_gradient_sum(made.private_loss, made.private_layers, rows, clipping_norm)
    for number, part in enumerate(found):
        expected = sum(factor * gradient[number] for factor, gradient in zip(factors, gradients, strict=True))
        torch.testing.assert_close(part, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_free_rows_teach_what_no_marginal_shows(method):
    """A good part of a relation of three columns; without the rows, columns alone leave them independent."""
    taught, untaught = networks(method), networks(method, replace(SETTINGS, rehearsal_steps=0))
    for made in (taught, untaught):
        made.prepare(related_rows())
    assert relation_error(taught) < 0.4
    assert relation_error(untaught) > 0.6


def test_gradients_of_private_rows_correct_what_free_rows_taught():
    """Free rows show a weaker relation: gradients of the true rows, without noise, more than halve the error.

    With gradients of more rows of the weak relation, more than half of it stays.
    """
    weak, errors = related_rows(flipped=0.25), []
    for rows in (related_rows(), weak):
        made = networks(AutoencoderNetworks, replace(SETTINGS, private_rate=1e-2))
        made.prepare(weak)
        before = relation_error(made)
        for step in range(1, SETTINGS.steps + 1):
            chosen = rows[torch.randint(len(rows), (100,))]
            made.learn(clipped_gradient_sum(made.private_loss, made.private_layers, chosen, 1.0), step)
        errors.append(relation_error(made) / before)
    assert errors[0] < 0.5
    assert errors[1] > 0.6


def test_a_step_moves_the_output_layer_against_the_gradient_and_nothing_else():
    """The moment step has rate zero here, so that all that moves comes from the given gradient."""
    made = networks(AutoencoderNetworks, replace(SETTINGS, moment_rate=0.0))
    encoder, first = states(made.encoder), states(made.generator.first)
    before = made.generator.last.weight.detach().clone()
    gradient = [torch.ones_like(parameter) for layer in made.private_layers for parameter in layer.parameters()]
    for step in range(1, SLEEP_EVERY):
        made.learn(gradient, step)
    assert same(encoder, made.encoder)
    assert same(first, made.generator.first)
    assert (made.generator.last.weight < before).all()
    made.learn(gradient, SLEEP_EVERY)
    assert not same(encoder, made.encoder)


def test_private_rows_reach_the_generator_of_a_gan_through_the_discriminator_alone():
    """Two trainings that differ in the gradients of private rows make the same first step of the generator."""
    trained = []
    for size in (0.0, 5.0):
        made = networks(AdversarialNetworks)
        made.learn([size * torch.ones_like(parameter) for parameter in made.discriminator.parameters()], 1)
        trained.append(made)
    assert same(states(trained[0].generator), trained[1].generator)
    assert not same(states(trained[0].discriminator), trained[1].discriminator)


def test_a_private_row_is_shown_under_one_of_its_own_cells():
    """The discriminator sees one position more than the row has columns, of the same cell, a column over."""
    made, rows = networks(AdversarialNetworks), related_rows(20)
    seen = []
    made.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    made.private_loss(rows)
    (positions,) = seen
    own, conditions = positions[:, :-1], positions[:, -1:] - LAYOUT.width
    assert (own == conditions).sum(1).eq(1).all()


def test_a_rows_condition_changes_from_step_to_step():
    made, rows = networks(AdversarialNetworks), related_rows(20)
    seen = []
    made.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0][:, -1].tolist()))
    for turn in range(len(LAYOUT.sizes)):
        made._turn = turn
        made.private_loss(rows)
    assert all(len(set(conditions)) == len(LAYOUT.sizes) for conditions in zip(*seen, strict=True))


def test_made_rows_are_one_hot_and_have_a_slope():
    """One per column, to single precision."""
    made = networks(AdversarialNetworks)
    rows = made._made_rows(torch.arange(50))
    ones = rows.detach().round()
    torch.testing.assert_close(rows.detach(), ones, atol=1e-6, rtol=0.0)
    torch.testing.assert_close(LAYOUT.spread_over_columns(ones), torch.ones_like(ones))
    rows.square().sum().backward()
    assert made.generator.first.weight.grad.abs().sum() > 0.0


def test_gradients_are_scaled_together():
    """A vector of length five, in two parts; and one of length zero stays so."""
    scaled = _of_length(10.0, [torch.tensor([3.0]), torch.tensor([[4.0]])])
    assert [part.item() for part in scaled] == pytest.approx([6.0, 8.0])
    assert _of_length(1.0, [torch.zeros(2)])[0].tolist() == [0.0, 0.0]


def test_rehearsal_is_in_the_estimate_of_work():
    assert training_work(SETTINGS, 100, 500.0) > training_work(replace(SETTINGS, rehearsal_steps=0), 100, 500.0)
