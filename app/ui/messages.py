"""How errors and numbers are said."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import streamlit as st

from app.errors import AppError, NotReadyError
from app.services.sources import sentence
from app.services.views import RunView
from engine.errors import EngineError

INTERNAL_NOTE = "Internal: shows statistics of real rows that nothing paid for. Do not pass it on."
NO_GUARANTEE = "no privacy guarantee"
NO_GUARANTEE_NOTE = (
    "**No privacy guarantee.** This method reads the private rows without protection, so what it makes can repeat what "
    "they hold. There is no ε. Its files are for comparison inside your organisation and must not leave it."
)
OWNER_NOTE = "Owner only: read from the private rows, never released and never charged."


@contextmanager
def reporting() -> Iterator[None]:
    """Show an error of ours in its own words and stop the page there; nothing that was typed is lost."""
    try:
        yield
    except (AppError, EngineError) as error:
        _show(error)
        st.stop()


@contextmanager
def showing() -> Iterator[None]:
    """Show an error of ours in its own words and go on with the page, so that forms further down keep what is typed."""
    try:
        yield
    except (AppError, EngineError) as error:
        _show(error)


def _show(error: AppError | EngineError) -> None:
    if isinstance(error, NotReadyError):
        st.warning(error.user_message, icon=":material/info:")
        return
    st.error(error.user_message if isinstance(error, AppError) else sentence(error), icon=":material/error:")


def saved(message: str) -> None:
    """Say that something was saved, also after the page has run again."""
    st.toast(message, icon=":material/check:")


def epsilon(value: float | None) -> str:
    """ε for reading: at most three significant digits."""
    if value is None:
        return "–"
    return "unlimited" if math.isinf(value) else f"{value:.3g}"


def best_for(summary: str, need: str) -> str:
    """What a method keeps, and the need it serves."""
    return f"{summary} Best for: {need[:1].lower()}{need[1:]}."


def cost(run: RunView) -> str:
    """What a run costs, or that nothing protects anybody."""
    if run.epsilon is None or run.delta is None:
        return NO_GUARANTEE
    return f"ε {epsilon(run.epsilon)} at δ = {delta(run.delta)}"


def delta(value: float) -> str:
    """δ as a power of ten."""
    mantissa, exponent = f"{value:.2e}".split("e")
    power = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    factor = f"{float(mantissa):g}"
    return power if factor == "1" else f"{factor}·{power}"


def odds(value: float) -> str:
    """e^ε as a factor."""
    factor = math.exp(min(value, 60.0))
    if factor < 10:
        return f"×{factor:.2f}"
    return f"×{factor:,.0f}" if factor < 1e6 else f"×{factor:.1e}"


def odds_sentence(value: float, at_delta: float, unit: str) -> str:
    """What ε means, in a sentence."""
    return (
        f"Whatever anyone believes about {unit}, seeing the released file changes the odds by a factor of at most "
        f"**{odds(value)}** (e^ε with ε = {epsilon(value)}), except with a probability of about δ = {delta(at_delta)}."
    )


def when(moment: datetime | None) -> str:
    """A moment in UTC, to the minute."""
    if moment is None:
        return "–"
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%d %b %Y, %H:%M UTC")


def size(n_bytes: int) -> str:
    """A file size."""
    value = float(n_bytes)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def cell(value: object) -> str:
    """A value of a column, as files write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def duration(seconds: float) -> str:
    """A rough time."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} seconds"
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
