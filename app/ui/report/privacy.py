"""The report's privacy part: the guarantee first, then what attacks found."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import streamlit as st

from app.ui import layout, messages
from app.ui.report import charts as figures
from app.ui.report.findings import Json, details, section, span, why_not

CAVEAT = (
    "Attacks look for faults. One that finds something shows a leak; one that finds nothing proves nothing. What is "
    "guaranteed stands in the certificate."
)


def show(report: Json, certificate: Json) -> None:
    """The guarantee, then all attacks, each with its charts."""
    stated = certificate["privacy"]
    if stated["epsilon"] is None:
        st.markdown(messages.NO_GUARANTEE_NOTE)
    else:
        st.markdown(messages.odds_sentence(stated["epsilon"], stated["delta"], "the protected unit"))
    st.info(CAVEAT, icon=":material/info:")
    _risks(report)
    for name, extra in EXTRAS.items():
        section(report, name, extra)


def _risks(report: Json) -> None:
    """The three risks of the WP29 vocabulary in one picture."""
    rows = [
        attack
        for name in ("singling-out", "linkability", "attribute-inference")
        for attack in _attacks(details(report, name))
    ]
    if not rows:
        return
    st.subheader("Singling out, linkability, inference", anchor=False)
    layout.chart(
        figures.estimates(
            [row["title"] for row in rows],
            {
                label: [_percent_estimate(row[key]) for row in rows]
                for label, key in (
                    ("Attack on training rows", "main"),
                    ("Same on rows never trained on", "control"),
                    ("Guessing", "baseline"),
                )
            },
            "Successful guesses, %",
        ),
        key="report_risks",
        alt="Success of each attack on training rows, on rows never trained on, and of guessing, with 95 % intervals",
    )
    st.caption(
        "Only what an attack gains on training rows beyond rows that were never trained on comes from the synthetic "
        "table's knowledge of single rows; the rest is knowledge of the population."
    )


def _attacks(part: Json) -> list[Json]:
    if why_not(part) is not None:
        return []
    return [part["all_columns"]] if "all_columns" in part else list(part["attacks"])


def _percent_estimate(rate: Json) -> tuple[float, float, float]:
    low, high = rate["interval"]
    return 100 * rate["rate"], 100 * low, 100 * high


def _attack_table(key: str) -> Any:
    """A function that shows an attack's rows as a table."""

    def show_rows(part: Json) -> None:
        st.dataframe(
            [
                {
                    "Attack": attack["title"],
                    "On training rows": _rate(attack["main"]),
                    "On other rows": _rate(attack["control"]),
                    "Guessing": _rate(attack["baseline"]),
                    "Risk": f"{100 * attack['risk']['value']:.1f} % ({span(attack['risk']['interval'])})",
                    "Guesses": attack["n_attacks"],
                }
                for attack in part["attacks"]
            ],
            hide_index=True,
            key=f"report_{key}",
        )
        st.caption(part["threat_model"])

    return show_rows


def _rate(rate: Json) -> str:
    return f"{100 * rate['rate']:.1f} % ({span(rate['interval'])})"


def _membership(part: Json) -> None:
    roc = part["roc"]
    layout.chart(
        figures.curves(
            {"Attack": (roc["false_positive_rate"], roc["true_positive_rate"])},
            "Falsely accused, share",
            "Recognised, share",
            logarithmic=True,
            diagonal=True,
        ),
        key="report_membership",
        alt="How many training rows the attack recognises against how many others it accuses, on logarithmic axes",
    )
    one_run = part["one_run"]
    st.caption(
        f"From {part['targets_each']:,} training rows and as many others. For the proven ε the attack made "
        f"{one_run['guesses']:,} guesses, {one_run['correct']:,} of them right. {part['caveat']}"
    )


def _noise(part: Json) -> None:
    histogram = part["histogram"]
    if why_not(histogram) is not None:
        return
    middles = [f"{(low + high) / 2:.1f}" for low, high in pairwise(histogram["edges"])]
    whole = {key: max(sum(histogram[key]), 1) for key in ("observed", "expected")}
    layout.chart(
        figures.shares(
            middles,
            {
                "Drawn": [count / whole["observed"] for count in histogram["observed"]],
                "As stated": [count / whole["expected"] for count in histogram["expected"]],
            },
            "Noise of a count, in stated standard deviations",
            "% of counts",
        ),
        key="report_noise",
        alt="Noise on the released counts beside the distribution that the certificate states",
    )


def _closest(part: Json) -> None:
    levels = [100 * level for level in part["curves"]["levels"]]
    names = {"To training rows": "train", "To rows set aside": "holdout"}
    for key, title in (("distance", "Distance to the closest real row"), ("ratio", "Closest by second closest")):
        lines = {label: (part["curves"][key][name], levels) for label, name in names.items()}
        layout.chart(
            figures.curves(lines, title, "% of synthetic rows"),
            key=f"report_closest_{key}",
            alt=f"{title}: cumulative shares for training rows and rows set aside",
        )
    st.caption(part["caveat"])


EXTRAS = {
    "singling-out": _attack_table("singling_out"),
    "linkability": _attack_table("linkability"),
    "attribute-inference": _attack_table("inference"),
    "membership": _membership,
    "noise-check": _noise,
    "copies": None,
    "closest-record": _closest,
}
