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


def show(run: RunView, points: tuple[TrainingNumbers, ...]) -> None:
    """Everything that the training has told so far; nothing where it has told nothing."""
    if not points:
        return
    now = points[-1]
    st.subheader("Training", anchor=False)
    layout.figures(_standing(run, now))
    st.plotly_chart(charts.training_losses(*_losses(points)), config=charts.CONFIG, width="stretch", key="run_losses")
    st.caption(NOTE if run.is_protected else NOTE_NOT_PRIVATE)
    st.dataframe(_table(points[-ROWS_SHOWN:]), hide_index=True, width="stretch", key="run_training")
    if len(points) > ROWS_SHOWN:
        with st.expander(f"All {len(points)} of the steps that were kept"):
            st.dataframe(_table(points), hide_index=True, width="stretch", key="run_training_all")


def _standing(run: RunView, now: TrainingNumbers) -> dict[str, str]:
    standing = {
        "Step": f"{now.step:,} of {now.steps:,}",
        "Epoch": f"{now.epoch:,.1f}",
        **(
            {}
            if now.epsilon is None
            else {"ε so far": f"{messages.epsilon(now.epsilon)} of {messages.epsilon(run.epsilon)}"}
        ),
        "Rows per second": f"{now.rows_per_second:,.0f}",
    }
    return standing | ({} if run.is_finished else {"Time left": _left(now)}) | {"Device": now.device}


def _losses(points: tuple[TrainingNumbers, ...]) -> tuple[list[int], dict[str, list[float | None]]]:
    losses: dict[str, list[float | None]] = {GENERATOR: [point.generator_loss for point in points]}
    if points[-1].discriminator_loss is not None:
        losses[DISCRIMINATOR] = [point.discriminator_loss for point in points]
    return [point.step for point in points], losses


def _table(points: tuple[TrainingNumbers, ...]) -> list[dict[str, str | int]]:
    """One row per point, the newest first."""
    has_discriminator = points[-1].discriminator_loss is not None
    return [
        {
            "Step": point.step,
            "Epoch": f"{point.epoch:,.1f}",
            GENERATOR: _number(point.generator_loss),
            **({DISCRIMINATOR: _number(point.discriminator_loss)} if has_discriminator else {}),
            **({} if point.epsilon is None else {"ε so far": messages.epsilon(point.epsilon)}),
            "Rows per second": f"{point.rows_per_second:,.0f}",
            "Time left": _left(point),
        }
        for point in reversed(points)
    ]


def _number(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.4g}"


def _left(point: TrainingNumbers) -> str:
    if point.step == point.steps:
        return "none"
    return "–" if point.seconds_left is None else messages.duration(point.seconds_left)
