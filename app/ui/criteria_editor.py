"""Acceptance criteria: those that are stated for the next run, and a form to state one more."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from app.services.release_views import CriterionChoice
from app.services.views import DatasetView, UserView
from app.ui import messages, session
from engine.evaluation.criteria import REVEALS, written
from engine.privacy.plan import SynthesisPlan

SHARE, COUNT = "share", "count"


def edit(user: UserView, dataset: DatasetView, plan: SynthesisPlan) -> None:
    """The stated criteria, with a way to remove each, and a form for one more; every change is saved at once.

    Args:
        user: the owner.
        dataset: the dataset, whose draft keeps the criteria. What is no criterion is refused at the submission.
        plan: what the criteria are for.
    """
    services = session.services()
    choices = {(choice.metric, choice.measure): choice for choice in services.plans.criteria_catalogue()}
    stated = dataset.draft.get("criteria")
    criteria = [item for item in stated if isinstance(item, dict)] if isinstance(stated, list) else []
    st.write(
        "Say before the run what its report must show. **While a criterion is not met, nothing of the run can be "
        "released**, unless you override that with a reason, which the audit log keeps. An alarm in the report closes "
        "the release in any case. After the start, criteria cannot be changed."
    )
    st.caption(REVEALS)
    removed = _stated(criteria, choices)
    _warn_unpaid(criteria, choices, plan)
    used = {(item.get("metric"), item.get("measure")) for item in criteria}
    added = _add([choice for key, choice in choices.items() if key not in used], len(criteria))
    if removed is not None:
        _save(user, dataset, criteria[:removed] + criteria[removed + 1 :])
    if added is not None:
        with messages.showing():
            _save(user, dataset, services.plans.criteria(user, dataset.id, plan, [*criteria, added]))


def _save(user: UserView, dataset: DatasetView, criteria: list[dict[str, Any]]) -> None:
    session.services().datasets.save_draft(user, dataset.id, criteria=criteria or None)
    st.rerun()


def _stated(criteria: list[dict[str, Any]], choices: dict[tuple[str, str], CriterionChoice]) -> int | None:
    """The criteria in words; gives the position of one that is to be removed."""
    removed = None
    for position, item in enumerate(criteria):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"criterion_{position}"):
            st.text(_described(item, choices), width="stretch")
            if st.button("Remove", key=f"criterion_{position}_remove", icon=":material/delete:", type="tertiary"):
                removed = position
    if not criteria:
        st.caption("No criteria are stated: the release opens when the run is done, unless the report has an alarm.")
    return removed


def _warn_unpaid(
    criteria: list[dict[str, Any]], choices: dict[tuple[str, str], CriterionChoice], plan: SynthesisPlan
) -> None:
    """Say before the charge that a criterion cannot be met, because nothing will be measured for it."""
    stated = [choices.get((str(item.get("metric")), str(item.get("measure")))) for item in criteria]
    if plan.evaluation_share == 0.0 and any(choice is not None and choice.needs_share for choice in stated):
        st.warning(
            "A criterion is about a charged measurement, but this plan keeps no part of its privacy loss for the "
            "releasable report, so it could not be computed and the release would be closed. Choose a part on the "
            "model step, or remove the criterion.",
            icon=":material/warning:",
        )


def _described(item: dict[str, Any], choices: dict[tuple[str, str], CriterionChoice]) -> str:
    """A criterion in words; one that this version does not know is named as it was stored."""
    choice = choices.get((str(item.get("metric")), str(item.get("measure"))))
    limit = item.get("limit")
    if choice is None or isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
        return f"{item.get('metric')}: {item.get('measure')}, limit {limit}"
    return f"{choice.title}: {_side(choice)} {written(limit, choice.unit)}"


def _side(choice: CriterionChoice) -> str:
    """Which side of a limit is good, in words."""
    return "at most" if choice.goal == "low" else "at least"


def _add(choices: list[CriterionChoice], n_stated: int) -> dict[str, Any] | None:
    if not choices:
        st.caption("Every score that a criterion can be about has one.")
        return None
    by_title = {choice.title: choice for choice in choices}
    title = st.selectbox(
        "Add a criterion about",
        list(by_title),
        index=None,
        key=f"criteria_measure_{n_stated}",
        placeholder="Choose a score of an attack, or one that was paid for",
        help="Scores that compare with real rows, without any charge, are not offered: choosing what to release by "
        "them would tell about the rows.",
    )
    if title is None:
        return None
    chosen = by_title[title]
    covered = "ε covers a verdict on this score." if chosen.is_covered else "ε does not cover a verdict on this score."
    st.caption(f"{chosen.question} {covered}")
    number = _limit(chosen)
    if not st.button("Add this criterion", key="criteria_add", icon=":material/add:"):
        return None
    return {"metric": chosen.metric, "measure": chosen.measure, "limit": number}


def _limit(choice: CriterionChoice) -> float:
    """An input for the limit in the measure's unit; a share is typed in per cent."""
    factor = 100.0 if choice.unit == SHARE else 1.0
    highest = choice.highest * factor if math.isfinite(choice.highest) else None
    sign = {"at most": "At most (≤)", "at least": "At least (≥)"}[_side(choice)]
    typed = st.number_input(
        f"{sign}, in %" if choice.unit == SHARE else sign,
        min_value=choice.lowest * factor,
        max_value=highest,
        value=round(choice.suggested_limit * factor, 4),
        step=1.0 if choice.unit in (SHARE, COUNT) else 0.01,
        format="%.0f" if choice.unit == COUNT else "%.2f",
        key=f"criteria_limit_{choice.metric}_{choice.measure}",
        help="The number is a start, not advice: what is acceptable depends on who gets the files.",
    )
    return float(typed) / factor
