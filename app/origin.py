"""Where the present request comes from, for the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

WORKER = "worker"
LONGEST = 64

_origin: ContextVar[str] = ContextVar("origin", default="")


def current() -> str:
    """Address of who asks, or `worker`; empty where that is not known."""
    return _origin.get()


def come_from(address: str) -> None:
    """Say where everything in this context comes from, from now on."""
    _origin.set(_bounded(address))


@contextmanager
def coming_from(address: str) -> Iterator[None]:
    """Say where everything in a block, or in a function that this decorates, comes from."""
    token = _origin.set(_bounded(address))
    try:
        yield
    finally:
        _origin.reset(token)


def _bounded(address: str) -> str:
    return "".join(filter(str.isprintable, address))[:LONGEST]
