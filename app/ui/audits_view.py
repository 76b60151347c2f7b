"""The recorded audits on a page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services.audits import AuditsView, AuditView
from app.ui import charts, layout, messages

CAVEAT = (
    "A lower bound **above** what a method claims proves a fault. One **below** proves nothing good: it is what these "
    "adversaries found, and the truth may lie anywhere above it. What a run promises rests on the mechanisms that its "
    "certificate lists, not on audits."
)


def standing(found: AuditsView) -> None:
    """The outcome, and of which code it is."""
    violated = [audit for audit in found.audits if audit.verdict != "consistent"]
    for audit in violated:
        st.error(
            f"**{audit.title}** lost more than ε = {audit.epsilon:g}, which it claimed: do not use it.",
            icon=":material/gpp_bad:",
        )
    if not violated:
        st.info(f"No audit proved more than its method claims. {CAVEAT}", icon=":material/info:")
    else:
        st.markdown(CAVEAT)
    st.caption(f"Version {found.version}, audited on {found.recorded_on}. {_age(found)}")


def _age(found: AuditsView) -> str:
    if found.version != found.installed_version:
        return f"This is version {found.installed_version}, so these figures are of an older one."
    if found.code_changed:
        return "The code of mechanisms and methods was changed since; the figures are of the code before."
    return "The code of mechanisms and methods is still the one that was audited."


def bounds(audits: Sequence[AuditView]) -> None:
    """Claims and lower bounds in one picture per claim."""
    for epsilon in sorted({audit.epsilon for audit in audits}):
        shown = [audit for audit in audits if audit.epsilon == epsilon]
        st.subheader(f"Runs that claim ε = {epsilon:g}", anchor=False)
        layout.chart(
            charts.audit_bounds(
                [audit.method for audit in shown],
                epsilon,
                {
                    label: [audit.proof(adversary).epsilon_of_mu for audit in shown]
                    for adversary, label in charts.ADVERSARIES.items()
                },
            ),
            key=f"audits_bounds_{epsilon:g}",
            alt=f"What is claimed and what is proven at least, per method, of runs that claim ε = {epsilon:g}",
        )


def table(audits: Sequence[AuditView]) -> None:
    """All figures."""
    st.subheader("All figures", anchor=False)
    st.dataframe(
        [
            {
                "Method": audit.method,
                "Claimed ε": f"{audit.epsilon:g}",
                "Verdict": audit.verdict,
                "ε ≥, white-box": f"{audit.proof('white-box').epsilon_of_mu:.2f}",
                "ε ≥, black-box": f"{audit.proof('black-box').epsilon_of_mu:.2f}",
                "ε ≥, rates alone": f"{max(proof.epsilon for proof in audit.proofs):.2f}",
                "Runs per side": f"{audit.runs:,}",
                "Claimed μ": f"{audit.mu:.3f}",
                "μ ≥, white-box": f"{audit.proof('white-box').mu:.3f}",
                "μ ≥, black-box": f"{audit.proof('black-box').mu:.3f}",
            }
            for audit in audits
        ],
        hide_index=True,
        width="stretch",
        key="audits_figures",
    )
    confidence = min(audit.confidence for audit in audits)
    st.caption(
        f"δ = {messages.delta(audits[0].delta)}. The bounds of a row hold together with a confidence of "
        f"{100 * confidence:g} %."
    )


def how(found: AuditsView) -> None:
    """What was done, for who wants to judge it or do it again."""
    st.subheader("How it is done", anchor=False)
    st.markdown(
        "- **Two tables** of about 40 simulated rows differ by one unit, the canary: "
        f"{'; '.join(found.neighbours)}.\n"
        "- **The black-box adversary** sees the fitted model and synthetic rows drawn from it. **The white-box one** "
        "also sees every noisy number that left the private table, and knows all rows but the canary.\n"
        "- **A third of the runs** chooses the tables, what to look at, and from which value on to guess that the "
        "canary was there. The other runs alone prove: exact Clopper-Pearson intervals around the rates of true and "
        "false alarms, corrected for all four bounds.\n"
        "- **Every run is charged as a Gaussian** of some μ. The rates bound μ from below, and the ε shown is that of "
        "such a Gaussian. Without that knowledge the rates prove less, which stands in a column of its own."
    )
    if any(audit.shortened for audit in found.audits):
        trained = ", ".join(sorted({f"`{audit.method}`" for audit in found.audits if audit.shortened}))
        steps = next(audit.shortened["steps"] for audit in found.audits if audit.shortened)
        st.markdown(
            f"- **Shortened:** {trained} train small networks for {steps} steps, by the same code; the noise of each "
            "step follows from ε and the number of steps as in every run."
        )
    st.markdown("To do it again: `python -m engine audit --method aim --epsilon 1`.")
