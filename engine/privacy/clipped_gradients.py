"""Sums of clipped gradients, one gradient per unit of protection, without any of them being written down.

A linear layer y = W a + b that a row passes once has the gradient δ aᵀ in W and δ in b, with δ = ∂loss/∂y. So the
squared norm over all layers of a row's gradient is Σ |δ|² (|a|² + 1), and for several rows of one unit it is
Σ over pairs of rows (δ·δ') (a·a' + 1): the activations and one backward pass are enough. The sum of the clipped
gradients is then a matrix product per layer, of δ scaled by each unit's factor with a.

A layer may take a row of zeros and ones as the positions of its ones instead (integers, of which |a|² counts the pairs
that are equal): the sum for W then adds δ at these positions, and no matrix of zeros is multiplied.

Source: Goodfellow, "Efficient Per-Example Gradient Computations" (2015); Li, Tramèr, Liang, Hashimoto, "Large Language
    Models Can Be Strong Differentially Private Learners" (2022), §4, for several rows of one unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
from torch import nn

LossOf = Callable[[torch.Tensor], torch.Tensor]
"""From rows, shape (n_rows, n_columns), to their losses, shape (n_rows,); a row's loss depends on that row alone."""

POSITIONS_AT_ONCE = 16
"""Positions of each row whose sums are taken together: few, so that repeated rows fit in memory."""

ROUNDING = 4e-6
"""Part of the norm that single precision may get wrong; gradients are clipped to that much less."""


@dataclass
class _Passes:
    """What went into each layer and came out of it, in the order of the layers."""

    inputs: dict[int, torch.Tensor] = field(default_factory=dict)
    outputs: dict[int, torch.Tensor] = field(default_factory=dict)


def clipped_gradient_sum(
    loss_of: LossOf,
    layers: Sequence[nn.Linear],
    rows: torch.Tensor,
    clipping_norm: float,
    units: torch.Tensor | None = None,
) -> list[torch.Tensor]:
    """Sum over units of their gradient, scaled down where its norm is above `clipping_norm`.

    Args:
        loss_of: loss of each row, through `layers`.
        layers: all layers whose parameters are trained; each row passes each of them exactly once.
        rows: shape (n_rows, n_columns), whatever `loss_of` takes.
        clipping_norm: largest L2 norm, over all parameters together, of what a unit adds.
        units: number of the unit of each row, shape (n_rows,), in increasing order; one unit per row where None.

    Returns:
        Sums of the gradients of weight and bias of each layer, in the order of the layers, float32.

    Raises:
        ValueError: a layer has no bias, or was not passed once per row.
    """
    if not len(rows):
        return [torch.zeros_like(parameter) for layer in layers for parameter in (layer.weight, layer.bias)]
    passes, deltas = _backward(loss_of, layers, rows)
    inputs = [passes.inputs[number] for number in range(len(layers))]
    with torch.no_grad():
        squares = _row_squares(inputs, deltas) if units is None else _unit_squares(inputs, deltas, units)
        norms = squares.sqrt()
        finite = torch.isfinite(norms)
        if not finite.all():  # such a unit adds nothing, and would otherwise make every sum not a number
            norms = norms[finite]
            inputs, deltas = [given[finite] for given in inputs], tuple(delta[finite] for delta in deltas)
        factors = (clipping_norm * (1.0 - ROUNDING) / norms.clamp(min=clipping_norm)).unsqueeze(1)
        sums = []
        for layer, given, delta in zip(layers, inputs, deltas, strict=True):
            scaled = delta * factors
            sums += [_outer_sum(scaled, given, layer.in_features), scaled.sum(0)]
    return sums


def _backward(
    loss_of: LossOf, layers: Sequence[nn.Linear], rows: torch.Tensor
) -> tuple[_Passes, tuple[torch.Tensor, ...]]:
    """Run the rows through the layers; what went in, and the gradient of the summed losses in what came out."""
    passes = _Passes()
    with ExitStack() as stack:
        for number, layer in enumerate(layers):
            stack.callback(layer.register_forward_hook(_keeper(passes, number)).remove)
        losses = loss_of(rows)
    outputs = [passes.outputs[number] for number in range(len(layers)) if number in passes.outputs]
    if len(outputs) != len(layers) or any(len(output) != len(rows) for output in outputs):
        raise ValueError("each row must pass each layer exactly once")
    if losses.shape != (len(rows),):
        raise ValueError("there must be one loss per row")
    return passes, torch.autograd.grad(losses.sum(), outputs)


def _keeper(passes: _Passes, number: int) -> Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], None]:
    def keep(layer: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if layer.bias is None or number in passes.outputs or output.dim() != 2:
            raise ValueError("each row must pass each layer, which has a bias, exactly once")
        passes.inputs[number] = given[0].detach()
        passes.outputs[number] = output

    return keep


def _outer_sum(deltas: torch.Tensor, given: torch.Tensor, width: int) -> torch.Tensor:
    """Sum over rows of δ aᵀ, shape (n_outputs, width)."""
    if given.is_floating_point():
        return deltas.t() @ given
    total = deltas.new_zeros(width, deltas.shape[1])
    for positions in torch.split(given.t(), POSITIONS_AT_ONCE):
        total.index_add_(0, positions.flatten(), deltas.repeat(len(positions), 1))
    return total.t().contiguous()


def _squares(given: torch.Tensor) -> torch.Tensor:
    """|a|² of each row, shape (n_rows,)."""
    if given.is_floating_point():
        return given.square().sum(1)
    return (given.unsqueeze(1) == given.unsqueeze(2)).sum((1, 2))


def _row_squares(inputs: Sequence[torch.Tensor], deltas: Sequence[torch.Tensor]) -> torch.Tensor:
    """Squared norm of each row's gradient, shape (n_rows,)."""
    return torch.stack(
        [delta.square().sum(1) * (_squares(given) + 1.0) for given, delta in zip(inputs, deltas, strict=True)]
    ).sum(0)


def _unit_squares(inputs: Sequence[torch.Tensor], deltas: Sequence[torch.Tensor], units: torch.Tensor) -> torch.Tensor:
    """Squared norm of the gradient of each row's unit, shape (n_rows,)."""
    _, unit_of_row, counts = torch.unique_consecutive(units, return_inverse=True, return_counts=True)
    most = int(counts.max())
    first = torch.cumsum(counts, 0) - counts
    place = torch.arange(len(units), device=units.device) - first[unit_of_row]
    squares = torch.zeros(len(counts), device=units.device)
    inputs = [_written_out(given) for given in inputs]
    for given, delta in zip(inputs, deltas, strict=True):
        grams = []
        for values in (given, delta):
            padded = values.new_zeros(len(counts), most, values.shape[1])
            padded[unit_of_row, place] = values
            grams.append(padded @ padded.transpose(1, 2))
        squares += ((grams[0] + 1.0) * grams[1]).sum((1, 2))
    return squares.clamp(min=0.0)[unit_of_row]


def _written_out(given: torch.Tensor) -> torch.Tensor:
    """Rows of numbers, where a layer took the positions of their ones."""
    if given.is_floating_point():
        return given
    rows = torch.zeros(len(given), int(given.max()) + 1, device=given.device)
    return rows.scatter_add_(1, given, torch.ones_like(given, dtype=rows.dtype))
