"""The form in which people declare what no software can know, and its saving as a new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.errors import ConflictError
from app.reporting.frameworks.catalogue import missing
from app.services.evidence_views import DeclarationsView, FrameworkView, QuestionView
from app.services.views import DatasetView, UserView
from app.ui import messages, session
from app.ui.evidence import catalogue, frameworks, questions
from app.ui.evidence.catalogue import Group
from app.ui.evidence.draft import Answers, Draft, beside, given_answers

GROUP = "evidence_group"

_STYLE = """<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-evidence_save) {position: sticky; bottom: 0; z-index: 5;}
.st-key-evidence_save {padding: .7rem 0 .8rem; background: light-dark(#FFFFFF, #0E1519);
  border-top: 1px solid color-mix(in srgb, currentColor 18%, transparent);}
</style>"""


@dataclass(frozen=True)
class Form:
    """What is declared about a dataset on the page.

    Args:
        user: who declares.
        dataset: what it is about.
        offered: all frameworks.
        common: what every report asks.
        draft: what is typed.
        has_just_met: whether a version that was saved elsewhere has come in with this very run of the page, so that
            nobody can have seen it yet.
    """

    user: UserView
    dataset: DatasetView
    offered: tuple[FrameworkView, ...]
    common: tuple[QuestionView, ...]
    draft: Draft
    has_just_met: bool

    @property
    def frameworks(self) -> tuple[str, ...]:
        """Ids of the chosen frameworks, in the order in which they are offered."""
        return tuple(framework.id for framework in self.offered if framework.id in self.draft.frameworks)

    @property
    def every_question(self) -> tuple[QuestionView, ...]:
        """All questions of all frameworks."""
        return (*self.common, *(question for framework in self.offered for question in framework.questions))

    @property
    def groups(self) -> tuple[Group, ...]:
        """The questions that the choice asks."""
        return catalogue.groups(self.common, self.offered, self.draft.frameworks)

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of these questions."""
        return tuple(question.id for question in catalogue.asked(self.groups))

    @property
    def answers(self) -> Answers:
        """The answers to these questions."""
        return self.draft.answers_to(self.names)

    @property
    def missing(self) -> frozenset[str]:
        """Ids of the questions that a final report needs an answer to and that have none."""
        return frozenset(question.id for question in missing(self.frameworks, self.answers))

    @property
    def is_unsaved(self) -> bool:
        """Whether the page holds something that no saved version does."""
        return bool(self.draft.changed(self.names)) or self.draft.has_other_frameworks


def open_form(user: UserView, dataset: DatasetView) -> Form:
    """What was typed about a dataset in this browser, on top of the newest saved version."""
    declarations = session.services().declarations
    offered, common = declarations.frameworks(), declarations.common_questions()
    current = declarations.current(user, dataset.id)
    key = f"evidence_draft_{dataset.id}"
    draft, has_just_met = st.session_state.get(key), False
    if not isinstance(draft, Draft):
        answers = standing_answers(declarations.history(user, dataset.id), common, offered)
        draft = st.session_state[key] = Draft.of(current.version, current.frameworks, answers)
    elif draft.base_version != current.version:
        asked = _asked(current, common, offered)
        draft.meet(current.version, current.frameworks, current.values, asked)
        has_just_met = draft.has_met
    return Form(user, dataset, offered, common, draft, has_just_met)


def choose(form: Form) -> None:
    """Choose frameworks, and save them."""
    st.html(_STYLE)
    st.write(
        "Choose what the report is arranged for. Each adds an annex, and questions that only people can answer. "
        "Without any, the report has its general sections alone."
    )
    frameworks.choose(form.offered, form.draft)
    _save_bar(form)


def answer(form: Form) -> None:
    """Answer the questions that the frameworks ask, and save."""
    st.html(_STYLE)
    st.write(
        "The report prints an answer as **declared by** whoever saved it. What is left open prints as “not provided”, "
        "with the person who has to complete it. A final report needs every answer that is not marked optional."
    )
    _progress(form)
    _group(form)
    _save_bar(form)


def save(form: Form) -> bool:
    """Save a new version; where that is refused, everything that was typed stays.

    Nothing is saved over a version that the page has only just met: it is shown first.

    Returns:
        whether it was saved.

    Raises:
        AppError: an answer is refused; it says which and why.
    """
    draft, names = form.draft, form.names
    if form.has_just_met:
        return False
    try:
        saved = session.services().declarations.save(
            form.user, form.dataset.id, form.frameworks, form.answers, draft.base_version
        )
    except ConflictError:
        st.rerun()  # the page meets the other version, and says so
    draft.saved(saved.version, saved.frameworks, saved.values, names)
    return True


def warn(form: Form) -> None:
    """Say that a version was saved elsewhere, and what that means for what is typed here."""
    draft = form.draft
    if draft.has_met:
        differ = (
            f" On {messages.plural(len(draft.theirs), 'question')} it says something else than you: choose there which "
            "answer stays."
            if draft.theirs
            else ""
        )
        st.warning(
            f"Version {draft.base_version} was saved elsewhere while you were typing. What you typed is kept, and not "
            f"saved yet.{differ}",
            icon=":material/sync_problem:",
        )


def _progress(form: Form) -> None:
    every, draft = catalogue.asked(form.groups), form.draft
    done = len(catalogue.answered(every, draft.answers))
    waiting = len(form.missing)
    rest = f" · {waiting} more needed for a final report" if waiting else " · enough for a final report"
    st.progress(done / len(every), text=f"{done} of {len(every)} answered{rest}")


def _group(form: Form) -> None:
    """One group of questions at a time, and the way to the next."""
    by_id = {group.id: group for group in form.groups}
    if st.session_state.get(GROUP) not in by_id:
        st.session_state[GROUP] = catalogue.COMMON
    chosen = st.pills(
        "Questions of",
        list(by_id),
        required=True,
        format_func=lambda name: f"{by_id[name].title} · {by_id[name].count(form.draft.answers)}",
        key=GROUP,
    )
    group, needed = by_id[chosen or catalogue.COMMON], form.missing
    for person, asked in group.by_person():
        questions.ask(person, asked, form.draft, form.dataset.columns, needed)
    following = list(by_id)[list(by_id).index(group.id) + 1 :]
    if following:
        st.button(
            f"Next: {by_id[following[0]].title}",
            key="evidence_next",
            icon=":material/arrow_forward:",
            on_click=_open_group,
            args=(following[0],),
        )


def _open_group(name: str) -> None:
    st.session_state[GROUP] = name


def _save_bar(form: Form) -> None:
    """How much is not saved yet, and the button that saves it; it stays in sight, with the reason of a refusal."""
    with st.container(key="evidence_save"):
        place = st.container()
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button(
                "Save",
                type="primary" if form.is_unsaved else "secondary",
                disabled=not form.is_unsaved,
                key="evidence_save_answers",
                icon=":material/save:",
            )
            st.caption(_standing(form))
        with place, messages.showing():
            if pressed and save(form):
                messages.saved(f"Saved as version {form.draft.base_version}")
                st.rerun()


def _standing(form: Form) -> str:
    """What is saved and what is not, in words."""
    parts = []
    if count := len(form.draft.changed(form.names)):
        parts.append(f"{messages.plural(count, 'answer')} not saved yet")
    if form.draft.has_other_frameworks:
        parts.append("other frameworks chosen")
    if parts:
        return " · ".join(parts)
    if not form.draft.base_version:
        return "Nothing is saved yet."
    current = session.services().declarations.current(form.user, form.dataset.id)
    return f"Version {current.version}, saved by {current.declared_by}, {messages.when(current.declared_at)}"


def standing_answers(
    history: Sequence[DeclarationsView], common: Sequence[QuestionView], offered: Sequence[FrameworkView]
) -> Answers:
    """What the newest version that asked a question says on it, so that a framework chosen again has its answers."""
    found: Answers = {}
    for version in sorted(history, key=lambda view: view.version):
        found = beside(found, _asked(version, common, offered)) | given_answers(version.values)
    return found


def _asked(
    version: DeclarationsView, common: Sequence[QuestionView], offered: Sequence[FrameworkView]
) -> tuple[str, ...]:
    """Ids of the questions that a version's frameworks ask."""
    groups = catalogue.groups(common, offered, version.frameworks)
    return tuple(question.id for question in catalogue.asked(groups))
