"""The releasable report in the document: every number is one of the attached file, or its reason."""

import json
from functools import cache

from app.reporting.released import released_rows
from engine.pipeline import synthesize
from tests.app.reporting.documents import render, text_of
from tests.tables import small_plan, small_table


@cache
def finished():
    """A run on a simulated table that paid for its report; a single answer needs no copy, nobody changes it."""
    plan = small_plan("mst", epsilon=3.0, target="smoker", evaluation_share=0.2)
    return synthesize(small_table(1000), plan, holdout=small_table(400, 5), sample_seed=5)


def written(value, unit):
    if unit == "share":
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if unit == "count" else f"{value:.3f}"


def test_every_finding_is_a_row_of_the_numbers_in_the_file():
    report = json.loads(json.dumps(finished().released_report))
    rows = iter(released_rows(report))
    for metric in report["metrics"].values():
        units = {measure["name"]: measure["unit"] for measure in metric["measures"]}
        for finding in metric["findings"]:
            title, value, interval, _ = next(rows)
            assert title
            if isinstance(finding["value"], float):
                assert value == written(finding["value"], units[finding["measure"]])
            if isinstance(finding["interval"], list):
                assert interval == " to ".join(written(end, units[finding["measure"]]) for end in finding["interval"])
    assert next(rows, None) is None


def test_the_document_prints_and_carries_it():
    report = finished().released_report
    reader = render(finished().certificate, released=report)
    text = text_of(reader)
    assert "What the run says of its own quality" in text
    for row in released_rows(report):
        assert row[1] in text
    assert json.loads(reader.attachments["released_report.json"][0]) == json.loads(json.dumps(report))
    assert "certificate.json" in reader.attachments
    assert "Gaussian noise on a sum of distances" in text


def test_without_a_report_there_is_no_word_of_it():
    reader = render()
    assert "its own quality" not in text_of(reader)
    assert "released_report.json" not in reader.attachments
    assert released_rows(None) == []


def test_what_could_not_be_computed_says_why():
    report = synthesize(small_table(), small_plan()).released_report
    said = [row for row in released_rows(report) if row[0] == "Noisy distances"]
    assert said == [
        ["Noisy distances", "none", "", "could not be computed: no share of the privacy loss was set aside for it"]
    ]
