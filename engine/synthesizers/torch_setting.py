"""Where networks compute, and what their random numbers follow from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def torch_device(device: str) -> torch.device:
    """Where networks are trained: `auto` takes a CUDA device where there is one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


def device_title(device: torch.device) -> str:
    """The device as people know it: the GPU's name, or `cpu`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def torch_generator(rng: np.random.Generator, device: torch.device) -> torch.Generator:
    """A generator of torch that follows from one of NumPy."""
    return torch.Generator(device=device).manual_seed(int(rng.integers(2**62)))


@contextmanager
def seeded_torch(seed: int, device: torch.device) -> Iterator[None]:
    """What torch draws from its global generator inside follows from the seed; outside, nothing is changed."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
