"""Making a report from a run: as a draft, as a final report, or for inside the organisation only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.errors import AppError
from app.reporting.evidence import INTERNAL_EDITION, RELEASABLE_EDITION
from app.services.evidence_views import EvidenceView
from app.services.release import CLOSED
from app.services.views import RunView, UserView
from app.ui import session
from app.ui.evidence import declaring
from app.ui.evidence.declaring import Form

WANTED, MADE, REFUSED = "evidence_wanted", "evidence_made", "evidence_refused"


@dataclass(frozen=True)
class Wanted:
    """What was asked for with a button.

    Args:
        run_id: of which run.
        is_final: whether it is to be filed.
        edition: `releasable` or `internal`.
    """

    run_id: str
    is_final: bool = False
    edition: str = RELEASABLE_EDITION


def choose(user: UserView, run: RunView, form: Form) -> None:
    """The reports that can be made of a run with a guarantee, and what a final one waits for."""
    is_busy, is_closed = is_wanted(run), run.release.state == CLOSED
    reasons = reasons_against_final(user, run, form)
    if is_closed:
        st.warning(
            "**The release of this run is closed**: an acceptance criterion is not met. Until its owner opens it on "
            "the release page, with a reason, only the internal edition can be made.",
            icon=":material/lock:",
        )
    if form.is_unsaved:
        st.info("What is not saved yet is saved first, as a new version of the answers.", icon=":material/save:")
    draft, final = st.columns(2)
    with draft.container(border=True, height="stretch", key="evidence_draft"):
        st.subheader("Draft", anchor=False)
        st.write("To read and to discuss. Every page says that it is not for filing, and what is still open.")
        button("Make a draft", Wanted(run.id), is_disabled=is_busy or is_closed, is_primary=bool(reasons))
    with final.container(border=True, height="stretch", key="evidence_final"):
        st.subheader("Final report", anchor=False)
        st.write("To file. Everything that it needs of people is answered, and it is signed as final.")
        button("Make the final report", Wanted(run.id, is_final=True), is_disabled=is_busy or bool(reasons))
        _waits_for(reasons, form)
    with st.expander("Internal edition, with the results of attacks", icon=":material/lock:"):
        st.write(
            "It adds the internal evaluation: attacks on the synthetic rows and comparisons with the private ones. "
            "Nothing paid for these numbers, so the edition says **internal** on every page and in the name of every "
            "file, and must not leave the organisation. It is made as a draft."
        )
        wanted = Wanted(run.id, edition=INTERNAL_EDITION)
        button("Make the internal edition", wanted, is_disabled=is_busy, is_primary=False)


def choose_record(run: RunView) -> None:
    """The one report of a run without a guarantee."""
    st.write(
        "The record says what was done to the rows and what attacks on the result found. It is internal: the name of "
        "every file says so, and nothing of it may leave the organisation."
    )
    wanted = Wanted(run.id, edition=INTERNAL_EDITION)
    button("Make the internal record", wanted, is_disabled=is_wanted(run))


def button(label: str, wanted: Wanted, *, is_disabled: bool = False, is_primary: bool = True) -> None:
    """A button that has a report made by `carry_out` at the end of the page."""
    st.button(
        label,
        type="primary" if is_primary and not is_disabled else "secondary",
        disabled=is_disabled,
        key=f"evidence_make_{wanted.edition}_{'final' if wanted.is_final else 'draft'}",
        icon=":material/approval:" if wanted.is_final else ":material/description:",
        on_click=_want,
        args=(wanted,),
    )


def is_wanted(run: RunView) -> bool:
    """Whether a button asked for a report of a run, which is made at the end of the page."""
    wanted = st.session_state.get(WANTED)
    return isinstance(wanted, Wanted) and wanted.run_id == run.id


def carry_out(user: UserView, run: RunView, place: DeltaGenerator, form: Form | None = None) -> None:
    """Make the report that a button asked for, once, and run the page again, which says what became of it.

    Args:
        user: the owner.
        run: the run.
        place: where to say that it is being made.
        form: what is declared; saved first where it is not.
    """
    wanted = st.session_state.pop(WANTED, None)
    if not isinstance(wanted, Wanted) or wanted.run_id != run.id:
        return
    with place, st.spinner("Making the report: computing ε again, drawing, signing"):
        try:
            if form is None or not form.is_unsaved or declaring.save(form):
                made = session.services().evidence.make(user, run.id, final=wanted.is_final, edition=wanted.edition)
                st.session_state[MADE] = made.id
        except AppError as error:
            st.session_state[REFUSED] = error.user_message
        st.rerun()


def outcome(reports: Sequence[EvidenceView]) -> None:
    """Say which report was just made, or why none was."""
    made, refused = st.session_state.pop(MADE, None), st.session_state.pop(REFUSED, None)
    if refused is not None:
        st.error(refused, icon=":material/error:")
    for report in reports:
        if report.id == made:
            kind = "a final report" if report.is_final else "internal" if report.is_internal else "a draft"
            st.success(f"Version {report.version} is made, {kind}. Its files are below.", icon=":material/check:")


def reasons_against_final(user: UserView, run: RunView, form: Form) -> list[str]:
    """Why a final report is not possible now; empty where it is."""
    reasons = [*session.services().evidence.obstacles(user, run.id, final=False)]
    count = len(form.missing)
    if count:
        answers = "1 answer is" if count == 1 else f"{count} answers are"
        reasons.append(f"{answers} missing.")
    return reasons


def _waits_for(reasons: Sequence[str], form: Form) -> None:
    """What is missing, by group."""
    if not reasons:
        return
    st.markdown(f":material/hourglass_empty: **Not possible yet.** {' '.join(reasons)}")
    if not form.missing:
        return
    with st.expander("Questions that wait for an answer"):
        for group in form.groups:
            waiting = [question for question in group.questions if question.id in form.missing]
            if waiting:
                st.markdown(f"**{group.title}**")
                st.markdown("\n".join(f"- {question.label} :gray[({question.completed_by})]" for question in waiting))


def _want(wanted: Wanted) -> None:
    st.session_state[WANTED] = wanted
