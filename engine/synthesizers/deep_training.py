"""A training from its first step to its last: noisy gradients, checkpoints and progress."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from engine.errors import PlanError
from engine.privacy.accounting import compose_epsilon, gaussian_event
from engine.privacy.gradient_sums import GradientSums
from engine.privacy.private_table import PrivateTable
from engine.privacy.sampled_gaussian import gaussian_envelope
from engine.progress import Progress, ProgressEvent, TrainingNumbers
from engine.synthesizers.deep_state import REFUSED, DeepState
from engine.synthesizers.graphical_model import GraphicalModel
from engine.synthesizers.networks import CellLayout, Generator, Moments, drawn_conditions
from engine.synthesizers.stored_cells import Arrays
from engine.synthesizers.torch_setting import device_title, seeded_torch, torch_device
from engine.synthesizers.training import DeepNetworks

if TYPE_CHECKING:
    from engine.synthesizers.deep import DeepSynthesizer

FloatArray = npt.NDArray[np.float64]

PARTS = 20
"""Parts of a training after each of which a checkpoint is saved."""

REPORTS_PER_PART = 5

TRAINING_PART = (0.3, 0.75)
"""Share of a run's progress that the steps take."""


class Training:
    """One training of a synthesizer's networks.

    Args:
        synthesizer: the method, with its plan and domain.
        model: what the noisy marginals say.
        seed: of what PyTorch draws, none of which is noise.
        table: the private rows, in groups of cells.
        state: what was measured; its networks are empty unless a training goes on.
    """

    def __init__(
        self, synthesizer: DeepSynthesizer, model: GraphicalModel, seed: int, table: PrivateTable, state: DeepState
    ) -> None:
        self._synthesizer = synthesizer
        self._model = model
        self.shares = [model.marginal((column,)) / model.total for column in range(len(model.sizes))]
        self._seed = seed
        self._table = table
        self._state = state
        self._plan = synthesizer.plan_
        self._sampled = synthesizer.training_of(self._plan)
        self._device = torch_device(synthesizer.device)

    def run(self, progress: Progress) -> list[FloatArray]:
        """Train, or go on with a training.

        Args:
            progress: called after each part; it may raise to stop the work.

        Returns:
            Per column, the cells' probabilities at each latent point, shape (n_points, size).

        Raises:
            BudgetExceededError: the envelope does not hold the training.
            PlanError: the networks of a training that goes on are of another shape.

        Privacy: all steps are charged before the first one is taken.
        """
        settings = self._synthesizer.settings
        with seeded_torch(self._seed, self._device):
            self._networks = networks = self._new_networks()
            if self._state.networks:
                _load(networks, self._state.networks)
            else:
                progress(ProgressEvent("training", TRAINING_PART[0], "Fitting the generator to the noisy marginals"))
                networks.prepare(self._free_rows())
            self._take_steps(progress)
            networks.match_moments_for(settings.last_moment_steps, settings.last_moment_rate)
        return [part.double().numpy() for part in networks.layout.split(networks.probabilities().cpu())]

    def weights(self) -> Arrays:
        """The generator's weights and latent points."""
        arrays = {f"generator.{name}": _array(value) for name, value in self._networks.generator.state_dict().items()}
        return arrays | {"latents": _array(self._networks.latents)}

    def _new_networks(self) -> DeepNetworks:
        settings, shares = self._synthesizer.settings, self.shares
        layout = CellLayout(self._table.sizes)
        pairs = {columns: counts / self._model.total for columns, counts in self._model.pairs().items()}
        latents = torch.randn(settings.latent_points, settings.latent)
        conditional = self._synthesizer.conditional
        if conditional:
            latents = torch.cat([latents, drawn_conditions(settings.latent_points, layout, shares)], 1)
        generator = Generator(layout, settings.latent, settings.hidden, shares, conditional).to(self._device)
        moments = Moments(layout, shares, pairs, self._device)
        expected_units = self._sampled.sampling_rate * self._state.estimated_rows / self._table.rows_per_unit
        module, _, name = self._synthesizer.networks.partition(":")
        made: DeepNetworks = getattr(import_module(module), name)(
            generator, layout, moments, latents.to(self._device), settings, expected_units
        )
        return made

    def _free_rows(self) -> torch.Tensor:
        """Cells of rows of the marginal model, shape (n_rows, n_columns): they follow from what was released."""
        codes = self._model.sample(self._synthesizer.settings.free_rows, np.random.default_rng(self._seed))
        return torch.from_numpy(np.stack(codes, axis=1).astype(np.int64)).to(self._device)

    def _take_steps(self, progress: Progress) -> None:
        checkpoints = self._synthesizer.checkpoints
        earlier = self._table.budget.used_mu_squared
        sums = self._table.train(
            self._sampled,
            self._synthesizer.settings.clipping_norm,
            self._synthesizer.training_delta(self._plan),
            "train the networks",
            steps_taken=checkpoints.begun() if checkpoints is not None else 0,
        )
        borders = np.linspace(0, sums.steps, PARTS + 1).astype(int)
        for last in np.unique(borders[borders > sums.step]).tolist():
            if checkpoints is not None:
                checkpoints.begin(last)
            self._take_part(sums, last, earlier, progress)
            if checkpoints is not None:
                checkpoints.save(replace(self._state, networks=_saved(self._networks)).to_bytes())

    def _take_part(self, sums: GradientSums, last: int, earlier_mu_squared: float, progress: Progress) -> None:
        """Take the steps up to `last`, and tell now and then how it goes."""
        networks = self._networks
        for border in np.unique(np.linspace(sums.step, last, REPORTS_PER_PART + 1).astype(int))[1:].tolist():
            first, started = sums.step, time.perf_counter()
            while sums.step < border:
                networks.learn(sums.next(networks.private_loss, networks.private_layers), sums.step)
            numbers = self._numbers(border, (time.perf_counter() - started) / (border - first), earlier_mu_squared)
            done = TRAINING_PART[0] + (TRAINING_PART[1] - TRAINING_PART[0]) * border / sums.steps
            progress(ProgressEvent("training", done, f"Step {border:,} of {sums.steps:,}", numbers))

    def _numbers(self, step: int, seconds: float, earlier_mu_squared: float) -> TrainingNumbers:
        generator_loss, discriminator_loss = self._networks.losses()
        return TrainingNumbers(
            step=step,
            steps=self._sampled.steps,
            epoch=step * self._sampled.sampling_rate,
            generator_loss=generator_loss,
            discriminator_loss=discriminator_loss,
            epsilon=self._epsilon_after(step, earlier_mu_squared),
            rows_per_second=self._networks.expected_units / seconds,
            seconds_left=(self._sampled.steps - step) * seconds,
            device=device_title(self._device),
        )

    def _epsilon_after(self, step: int, earlier_mu_squared: float) -> float:
        """ε of all that was charged before the training, and of its first steps."""
        extra = self._synthesizer.training_delta(self._plan)
        mu = gaussian_envelope(replace(self._sampled, steps=step), extra)
        set_aside = sum(charge["event"].get("delta_extra", 0.0) for charge in self._state.charges)
        events = [
            gaussian_event(math.sqrt(earlier_mu_squared)),
            gaussian_event(mu) | {"delta_extra": extra + set_aside},
        ]
        return compose_epsilon(events, self._plan.promised()[1])


def _saved(networks: DeepNetworks) -> Arrays:
    """Latent points, weights and optimizers by name."""
    arrays: Arrays = {"latents": _array(networks.latents)}
    for name, module in networks.modules().items():
        arrays |= {f"{name}.{key}": _array(value) for key, value in module.state_dict().items()}
    for name, optimizer in networks.optimizers().items():
        for number, state in optimizer.state_dict()["state"].items():
            arrays |= {f"{name} optimizer.{number}.{key}": _array(value) for key, value in state.items()}
    return arrays


def _load(networks: DeepNetworks, arrays: Arrays) -> None:
    """Put what was saved in the place of what was made; raises PlanError where it is of other networks."""
    try:
        _load_arrays(networks, {name: torch.from_numpy(array) for name, array in arrays.items()})
    except (LookupError, RuntimeError, ValueError):
        raise PlanError(REFUSED) from None


def _load_arrays(networks: DeepNetworks, tensors: dict[str, torch.Tensor]) -> None:
    if tensors["latents"].shape != networks.latents.shape:
        raise ValueError("other latent points")
    networks.latents = tensors["latents"].to(networks.latents.device)
    for name, module in networks.modules().items():
        prefix = f"{name}."
        module.load_state_dict(
            {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        )
    for name, optimizer in networks.optimizers().items():
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            owner, _, rest = key.partition(" optimizer.")
            if owner == name and rest:
                number, _, part = rest.partition(".")
                states.setdefault(int(number), {})[part] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": states})


def _array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().cpu().float().numpy()
    return array
