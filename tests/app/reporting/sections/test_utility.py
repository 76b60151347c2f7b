import re
from statistics import NormalDist

import pytest

from app.reporting.document import Note
from app.reporting.evidence import INTERNAL_EDITION
from app.reporting.sections.findings import value_text
from app.reporting.sections.utility import MOST_SETS, build
from tests.app.reporting.blocks import figure, statement, table, texts
from tests.app.reporting.evidence_samples import evidence


def value(found, name):
    return statement(build(found).blocks, name).value


def test_every_finding_is_a_row_of_the_numbers_in_the_evidence():
    found = evidence()
    rows = iter(table(build(found).blocks, "What the run says").rows)
    for metric in found.at("/released_report/metrics").values():
        if "unavailable" in metric:
            assert metric["unavailable"] in next(rows)[3]
            continue
        units = {measure["name"]: measure["unit"] for measure in metric["measures"]}
        for finding in metric["findings"]:
            _, shown, interval, _ = next(rows)
            unit = units[finding["measure"]]
            if isinstance(finding["value"], float):
                assert shown == value_text(finding["value"], unit)
            else:
                assert shown == "not provided"
            if isinstance(finding["interval"], list):
                assert interval == " to ".join(value_text(end, unit) for end in finding["interval"])
    assert next(rows, None) is None


def test_values_are_written_in_their_unit():
    assert value_text(0.12345, "share") == "12.35 %"
    assert value_text(1234.0, "count") == "1,234"
    assert value_text(-0.5, "score") == "\u22120.500"
    assert value_text({"unavailable": "x"}, "share") == "not provided"


def test_charts_hold_the_intervals_of_the_table():
    chart = figure(build(evidence()).blocks, "quality-findings").chart
    first = evidence().at("/released_report/metrics/noisy-distances/findings/0")
    assert (chart.values[0], chart.lows[0], chart.highs[0]) == (first["value"], *first["interval"])
    assert chart.references[0] == first["reference"]
    by_column = figure(build(evidence()).blocks, "distance-by-column").chart
    assert by_column.labels == ("age", "region", "smoker", "cost")


def test_the_noise_says_how_far_a_count_is_off():
    found = evidence()
    scales = [found_set["noise_scale"] for found_set in found.at("/certificate/uncertainty/sets")]
    low, high = map(float, re.findall(r"[\d.]+", value(found, "A count of measured rows is off by"))[:2])
    width = NormalDist().inv_cdf(0.975)
    assert low == pytest.approx(width * min(scales), rel=0.01) and high == pytest.approx(width * max(scales), rel=0.01)


def test_measured_sets_are_listed_and_the_rest_is_counted():
    found = evidence("dp-ctgan")
    sets = found.at("/certificate/uncertainty/sets")
    measured = [each for each in sets if each["measured"]]
    assert len(table(build(found).blocks, "own noise allows").rows) == len(measured)
    said = value(found, "Pairs that were not measured")
    bounded = sum(not each["measured"] and each["distance_at_most"] is not None for each in sets)
    assert said == f"{len(sets) - len(measured)} pairs that could have been chosen; the noise bounds {bounded} of them"


def test_a_wide_table_does_not_fill_pages():
    found = evidence()
    found.json["certificate"]["uncertainty"]["sets"] *= 20
    listed = table(build(found).blocks, "own noise allows")
    assert len(listed.rows) == MOST_SETS and f"{7 * 20 - MOST_SETS} more are in the attached evidence" in listed.caption


def test_without_a_report_there_is_no_number_of_it():
    found = evidence()
    found.json["released_report"] = None
    assert table(build(found).blocks, "What the run says").rows == (("not provided",) * 4,)
    assert value(found, "Confidence of each interval") == "not provided"


def test_numbers_of_private_rows_are_in_the_internal_edition_alone():
    found = evidence(edition=INTERNAL_EDITION)
    notes = [block for block in build(found).blocks if isinstance(block, Note)]
    assert notes and notes[0].is_warning
    assert table(build(found).blocks, "farthest from the private rows").rows
    found.json["document"]["edition"] = "releasable"  # even where the evidence held the evaluation by mistake
    assert build(found) == build(evidence())


def test_what_the_table_is_not_for_is_declared():
    answered = evidence(answers={"not-for": "Decisions about people.", "intended-use": "Shares by region."})
    said = texts([build(answered)])
    assert "Decisions about people." in said and "Shares by region." in said
    assert value(answered, "Columns whose numbers are clipped") == "2: age, cost"
