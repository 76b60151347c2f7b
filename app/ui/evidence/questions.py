"""Questions with the fields that answer them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import streamlit as st

from app.reporting.frameworks.answers import FIRST_YEAR, LAST_YEAR, LONGEST
from app.reporting.frameworks.base import Kind
from app.services.evidence_views import QuestionView
from app.ui.evidence.draft import Draft

EARLIEST, LATEST = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
NARROW = frozenset({Kind.TEXT, Kind.DATE, Kind.CHOICE, Kind.COLUMNS})
"""Kinds of which two share a line."""


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
        said: set[str] = set()
        for line in _lines(asked):
            places = st.columns(2) if line[0].kind in NARROW else [st.container()]
            for question, place in zip(line, places, strict=False):
                with place.container(gap="xxsmall", key=f"evidence_question_{question.id}"):
                    _field(question, _label(question, draft, needed), draft, columns)
                    st.caption(_help(question, said))
                    if question.id in draft.theirs:
                        _disagreement(question, draft)


def _lines(asked: Sequence[QuestionView]) -> list[list[QuestionView]]:
    """Questions as they stand beside each other: two short ones, such as a name and a role, share a line."""
    lines: list[list[QuestionView]] = []
    for question in asked:
        if lines and len(lines[-1]) == 1 and {question.kind, lines[-1][0].kind} <= NARROW:
            lines[-1].append(question)
        else:
            lines.append([question])
    return lines


def _label(question: QuestionView, draft: Draft, needed: Collection[str]) -> str:
    """The question, and whether a final report waits for its answer."""
    if question.id in needed:
        return f"{question.label} :orange[:small[· needed]]"
    return question.label if _is_required(question, draft) else f"{question.label} :gray[:small[· optional]]"


def _is_required(question: QuestionView, draft: Draft) -> bool:
    if question.required or question.required_when is None:
        return question.required
    other, answer = question.required_when
    return draft.answers.get(other) == answer


def _help(question: QuestionView, said: set[str]) -> str:
    """What belongs there; on a worksheet of columns, without the sentences that stand above it already."""
    sentences = re.split(r"(?<=\.) (?=[A-Z])", question.help)
    new = [sentence for sentence in sentences if sentence not in said]
    if question.kind != Kind.COLUMNS:
        return question.help
    said.update(sentences)
    return " ".join(new)


def _field(question: QuestionView, label: str, draft: Draft, columns: Sequence[str]) -> None:
    key = f"evidence_answer_{draft.revision}_{question.id}"
    kept: dict[str, Any] = {"key": key, "on_change": _keep, "args": (draft, question.id, key)}
    saved = draft.answers.get(question.id)
    text = saved if isinstance(saved, str) else ""
    match question.kind:
        case Kind.LONG:
            st.text_area(label, text, max_chars=LONGEST[Kind.LONG], height="content", **kept)
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
