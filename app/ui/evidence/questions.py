"""Questions with the fields that answer them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import streamlit as st

from app.reporting.frameworks.answers import FIRST_YEAR, LAST_YEAR, LONGEST
from app.reporting.frameworks.base import Kind
from app.services.evidence_views import QuestionView
from app.ui.evidence.draft import Draft

EARLIEST, LATEST = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
NEEDED, OPTIONAL = "needed for a final report", "optional"
HEIGHT_OF_A_TEXT = 110


def ask(
    person: str, asked: Sequence[QuestionView], draft: Draft, columns: Sequence[str], needed: Collection[str]
) -> None:
    """The questions that one person answers; each value is kept as soon as its field is left.

    Args:
        person: who answers.
        asked: the questions.
        draft: where the answers are kept.
        columns: names of the dataset's columns.
        needed: ids of questions that a final report waits for.
    """
    with st.container(border=True):
        st.subheader(f"For {person}", anchor=False)
        said = ""
        for question in asked:
            if question.kind == Kind.COLUMNS and question.help != said:
                st.caption(question.help)  # once, above the fields of a worksheet that all say the same
            _field(question, _label(question, needed), draft, columns)
            if question.kind != Kind.COLUMNS:
                st.caption(question.help)
            said = question.help
            if question.id in draft.theirs:
                _disagreement(question, draft)


def _label(question: QuestionView, needed: Collection[str]) -> str:
    """The question, and whether a final report needs an answer."""
    mark = NEEDED if question.required or question.id in needed else OPTIONAL
    return f"{question.label} :gray[:small[· {mark}]]"


def _field(question: QuestionView, label: str, draft: Draft, columns: Sequence[str]) -> None:
    key = f"evidence_answer_{draft.revision}_{question.id}"
    kept: dict[str, Any] = {"key": key, "on_change": _keep, "args": (draft, question.id, key)}
    saved = draft.answers.get(question.id)
    text = saved if isinstance(saved, str) else ""
    match question.kind:
        case Kind.LONG:
            st.text_area(label, text, max_chars=LONGEST[Kind.LONG], height=HEIGHT_OF_A_TEXT, **kept)
        case Kind.DATE:
            st.date_input(label, _date(text), EARLIEST, LATEST, format="YYYY-MM-DD", **kept)
        case Kind.URL:
            st.text_input(label, text, max_chars=LONGEST[Kind.URL], placeholder="https://", live=True, **kept)
        case Kind.CHOICE:
            _choice(label, text, question.choices, kept)
        case Kind.COLUMNS:
            _columns(label, saved if isinstance(saved, list) else [], columns, kept)
        case _:
            st.text_input(label, text, max_chars=LONGEST[Kind.TEXT], live=True, **kept)


def _choice(label: str, saved: str, choices: Sequence[str], kept: dict[str, Any]) -> None:
    index = choices.index(saved) if saved in choices else None
    st.selectbox(label, choices, index, placeholder="Choose one", **kept)
    if saved and index is None:
        st.text(f"Answered before with “{saved}”, which is not offered any more.")


def _columns(label: str, saved: Sequence[str], columns: Sequence[str], kept: dict[str, Any]) -> None:
    known = [name for name in saved if name in columns]
    st.multiselect(label, columns, known, placeholder="Choose columns of the table", **kept)


def _keep(draft: Draft, question_id: str, key: str) -> None:
    """Keep what was typed before anything else runs, also where it was left for another page."""
    value = st.session_state.get(key)
    draft.write(question_id, value.isoformat() if isinstance(value, date) else value)


def _disagreement(question: QuestionView, draft: Draft) -> None:
    """What somebody else has saved meanwhile, and a way to take it."""
    theirs = draft.theirs[question.id]
    with st.container(border=True, key=f"evidence_theirs_{question.id}"):
        st.markdown(":material/sync_problem: **Saved elsewhere meanwhile:**")
        st.text((theirs if isinstance(theirs, str) else ", ".join(theirs)) or "no answer")
        with st.container(horizontal=True):
            st.button(
                "Take this one", key=f"evidence_take_{question.id}", on_click=draft.take_theirs, args=(question.id,)
            )
            st.button("Keep mine", key=f"evidence_keep_{question.id}", on_click=draft.keep_mine, args=(question.id,))


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None
