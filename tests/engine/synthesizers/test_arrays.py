"""NumPy and torch take one path: the same operations, the same fit."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from engine.errors import PlanError
from engine.synthesizers import graphical_model
from engine.synthesizers.arrays import CELLS_FOR_CUDA, SMALLEST, NumpyArrays, TorchArrays, arrays_for
from engine.synthesizers.graphical_model import GraphicalModel, Measurement

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
KINDS = [NumpyArrays(), *(TorchArrays(device) for device in DEVICES)]


@pytest.mark.parametrize("shape", [(1, 7, 5), (6, 7, 1), (6, 7, 3), (6, 7, 40), (1, 1, 1), (5, 1, 9)])
@pytest.mark.parametrize("arrays", KINDS)
def test_sums_over_the_middle_axis(arrays, shape):
    values = np.random.default_rng(0).normal(size=shape)
    out = arrays.zeros(shape[0] * shape[2])
    arrays.sum_into(arrays.put(values), out)
    np.testing.assert_allclose(arrays.take(out), values.sum(axis=1).ravel(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("arrays", KINDS)
def test_logarithms_and_quotients_stay_finite(arrays):
    zeros, out = arrays.put([0.0, 4.0]), arrays.zeros(2)
    arrays.log_into(zeros, out)
    np.testing.assert_allclose(arrays.take(out), [np.log(SMALLEST), np.log(4.0)])
    arrays.divide_into(zeros, zeros, out)
    np.testing.assert_allclose(arrays.take(out), [0.0, 1.0])


def fitted(monkeypatch, arrays, iterations):
    monkeypatch.setattr(graphical_model, "arrays_for", lambda device, cells: arrays)
    sizes = (3, 5, 4, 2, 6)
    mask = np.random.default_rng(7).random((5, 2)) < 0.7
    model = GraphicalModel(sizes, 1000.0, {(1, 3): mask})
    rng = np.random.default_rng(1)
    for columns in [(0,), (1,), (2,), (3,), (4,), (0, 1), (1, 2), (0, 2), (2, 3, 4), (0, 4)]:
        shape = [sizes[column] for column in columns]
        model.add(Measurement(columns, rng.uniform(0, 2000 / np.prod(shape), shape), np.array(9.0)))
    model.fit(iterations, tolerance=0.0, stop_at_noise=False)
    return model


@pytest.mark.parametrize("device", DEVICES)
def test_numpy_and_torch_give_the_same_fit(monkeypatch, device):
    """Equal to 1e-9 after 25 steps; another number of steps gives another fit, so the test can tell."""
    one = fitted(monkeypatch, NumpyArrays(), 25)
    other = fitted(monkeypatch, TorchArrays(device), 25)
    fewer = fitted(monkeypatch, NumpyArrays(), 20)
    for pair, counts in one.pairs().items():
        np.testing.assert_allclose(other.pairs()[pair], counts, rtol=1e-9, atol=1e-9)
    assert max(np.abs(fewer.pairs()[pair] - counts).max() for pair, counts in one.pairs().items()) > 1e-3


def test_numpy_is_taken_unless_a_device_is_there_and_the_model_is_large(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert isinstance(arrays_for("cpu", 2**30), NumpyArrays)
    assert isinstance(arrays_for("auto", 2**30), NumpyArrays)
    with pytest.raises(PlanError, match="no CUDA device"):
        arrays_for("cuda", 1)
    with pytest.raises(PlanError, match="choose auto, cpu or cuda"):
        arrays_for("gpu", 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert isinstance(arrays_for("auto", CELLS_FOR_CUDA), NumpyArrays)
    assert isinstance(arrays_for("auto", CELLS_FOR_CUDA + 1), TorchArrays)
    assert isinstance(arrays_for("cuda", 1), TorchArrays)


def test_small_models_never_load_torch():
    code = (
        "import sys, numpy as np\n"
        "from engine.synthesizers.graphical_model import GraphicalModel, Measurement\n"
        "model = GraphicalModel((2, 3), 10.0)\n"
        "model.add(Measurement((0, 1), np.ones((2, 3)), np.array(1.0)))\n"
        "model.fit(5, tolerance=0.0, stop_at_noise=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
