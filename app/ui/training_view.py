"""The numbers of a training by steps: where it stands, its losses as a chart, and its steps as a table."""

from __future__ import annotations

import math

import streamlit as st

from app.services.views import RunView
from app.ui import charts, layout, messages
from engine.progress import TrainingNumbers

ROWS_SHOWN = 8
NOTE = "Losses come from synthetic rows and noised quantities only, so they reveal nothing beyond the ε of this run."
NOTE_NOT_PRIVATE = "This method has no privacy guarantee: its losses come from the private rows. Do not pass them on."
GENERATOR, DISCRIMINATOR = "Generator loss", "Discriminator loss"

_FORMATS = {
    name: st.column_config.NumberColumn(format=form)
    for name, form in {
        "Step": "localized",
        "Epoch": "%.1f",
        GENERATOR: "%.3f",
        DISCRIMINATOR: "%.3f",
        "ε so far": "%.3f",
        "Rows per second": "localized",
    }.items()
}


def show(run: RunView, points: tuple[TrainingNumbers, ...]) -> None:
    """Everything that the training has told so far; nothing where it has told nothing."""
    if not points:
        return
    now = points[-1]
    st.subheader("Training", anchor=False)
    layout.figures(_standing(run, now))
    figure = charts.training_losses([point.step for point in points], _losses(points), now.steps)
    layout.chart(figure, key="run_losses", alt="Losses of the training over its steps")
    note = NOTE if run.is_protected else NOTE_NOT_PRIVATE
    device = "the CPU" if now.device == "cpu" else now.device
    st.caption(f"{note} Computed on {device}.")
    _table(points[-ROWS_SHOWN:], "run_training")
    if len(points) > ROWS_SHOWN:
        with st.expander(f"All {len(points)} points of the chart"):
            _table(points, "run_training_all")


def _standing(run: RunView, now: TrainingNumbers) -> dict[str, str]:
    spent = {f"ε so far, of {messages.epsilon(run.epsilon)}": messages.epsilon(now.epsilon)}
    standing = {
        f"Step, of {now.steps:,}": f"{now.step:,}",
        **({} if now.epsilon is None else spent),
        "Rows per second": f"{now.rows_per_second:,.0f}",
    }
    return standing if run.is_finished else standing | {"Time left": _left(now)}


def _losses(points: tuple[TrainingNumbers, ...]) -> dict[str, list[float | None]]:
    losses: dict[str, list[float | None]] = {GENERATOR: [_finite(point.generator_loss) for point in points]}
    if points[-1].discriminator_loss is not None:
        losses[DISCRIMINATOR] = [_finite(point.discriminator_loss) for point in points]
    return losses


def _table(points: tuple[TrainingNumbers, ...], key: str) -> None:
    """One row per point, the newest first."""
    losses = _losses(points)
    rows = [
        {
            "Step": point.step,
            "Epoch": point.epoch,
            **{name: values[place] for name, values in losses.items()},
            **({} if point.epsilon is None else {"ε so far": point.epsilon}),
            "Rows per second": round(point.rows_per_second),
            "Time left": _left(point),
        }
        for place, point in enumerate(points)
    ]
    st.dataframe(rows[::-1], hide_index=True, width="stretch", key=key, column_config=_FORMATS)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _left(point: TrainingNumbers) -> str:
    if point.step == point.steps:
        return "none"
    return "–" if point.seconds_left is None else messages.duration(point.seconds_left)
