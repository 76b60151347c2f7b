"""Every statement, table and figure of a report comes from where it says, and every number in it."""

from dataclasses import replace

import pytest

from app.reporting.document import Report, Section, Statement, Statements, Status, Table
from app.reporting.evidence import INTERNAL_EDITION, Evidence
from app.reporting.report import build_report
from tests.app.reporting.evidence_samples import evidence
from tests.app.reporting.traceability import printed_things, untraced, values, with_value

ANSWERS = {"purpose": "To teach.", "unit-reason": "A row is a visit.", "not-for": "Decisions about people."}
CHOSEN = {
    "2 table of Before, After, at least, After, at most": frozenset({"1", "10", "50"}),
    "10.3 table of Kind, Columns declared, Treatment, Still in the synthetic file, Checked by": frozenset({"89"}),
}
"""Numbers that are no one's result: suspicions that the table of odds takes as examples, and an age in a law."""


INTERNAL_METRICS = ("subgroups", "singling-out", "copies")
"""Metrics of the internal report that the test keeps: one of each kind that is printed."""


def shortened(value, most=3):
    """A JSON value whose lists hold the first few only, and of charged measurements one of each kind."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if value and all(isinstance(item, dict) and "mechanism" in item for item in value):
        return [shortened(item) for item in {item["mechanism"]: item for item in value}.values()]
    return [shortened(item) for item in value[:most]]


def small(method, **choices):
    """The evidence of a run, without what only repeats another part of it."""
    whole = shortened(evidence(method, **choices).json)
    if whole["evaluation"] is not None:
        metrics = whole["evaluation"]["metrics"]
        whole["evaluation"]["metrics"] = {name: metrics[name] for name in INTERNAL_METRICS}
    return Evidence(whole)


@pytest.mark.parametrize(
    ("method", "choices"),
    [
        ("mst", {"answers": ANSWERS}),
        ("dp-ctgan", {"answers": ANSWERS, "frameworks": ["nist-800-226"]}),
        ("gaussian-copula", {"frameworks": []}),
    ],
    ids=["marginals", "training", "no guarantee"],
)
def test_everything_printed_comes_from_its_sources(method, choices):
    problems = untraced(build_report, small(method, **choices), chosen=CHOSEN)
    assert not problems, "\n".join(problems)


def test_what_an_internal_edition_adds_comes_from_its_sources():
    found = small("mst", edition=INTERNAL_EDITION, frameworks=[])
    made = [source for thing in printed_things(build_report(found)).values() for source in thing.sources]
    assert sum(source.startswith("/evaluation") for source in made) > 5
    the_same_in_any_edition = tuple(f"/{name}" for name in found.json if name != "evaluation")
    problems = untraced(build_report, found, skipped=the_same_in_any_edition)
    assert not problems, "\n".join(problems)


def _report(*blocks):
    return lambda _: Report("T", "", "", False, "", (), (Section("1", "S", blocks),), "id")


def _twin(statement_of):
    return lambda found: Report(
        "T", "", "", False, "", (), (Section("1", "S", (Statements((statement_of(found),)),)),), "id"
    )


EPSILON = "/certificate/privacy/epsilon"
SMALL = Evidence({"certificate": {"privacy": {"epsilon": 2.25, "delta": 1e-6}}, "run": {"user": "ada"}})


def test_an_honest_statement_passes():
    assert untraced(_twin(lambda found: found.computed("ε", EPSILON)), SMALL) == []


def test_a_number_that_is_written_into_the_program_is_found():
    fixed = Statement("ε", "2.25", Status.COMPUTED, source=(EPSILON,))
    assert any("does not change with" in problem for problem in untraced(_twin(lambda _: fixed), SMALL))
    half = _twin(lambda found: found.computed("ε", EPSILON, text=lambda value: f"{value} of 5"))
    assert untraced(half, SMALL) == ["1 ε: ['5'] in '2.25 of 5' come from nowhere"]


def test_a_source_that_is_not_named_is_found():
    hidden = _twin(lambda found: found.computed("ε", EPSILON, text=lambda value: f"{value}, {found.at('/run/user')}"))
    assert untraced(hidden, SMALL) == ["1 ε: changes with /run/user, which it does not name"]


def test_a_source_that_does_not_matter_is_found():
    vain = _twin(lambda found: found.computed("ε", EPSILON, "/run/user", text=lambda value, _: str(value)))
    assert untraced(vain, SMALL) == ["1 ε: does not change with /run/user"]
    nowhere = _twin(lambda found: replace(found.computed("ε", EPSILON), source=()))
    assert untraced(nowhere, SMALL) == ["1 ε: names no source"]


def test_a_fixed_number_in_a_table_is_found():
    def build(found):
        cells = ((str(found.at(EPSILON)), "7"),)
        return _report(Table("T", ("ε", "n"), cells, (1.0, 1.0), "/certificate/privacy"))(found)

    assert untraced(build, SMALL) == ["1 table of ε, n: ['7'] in '7' come from nowhere"]


def test_values_can_be_reached_and_replaced():
    whole = {"a/b": [1, {"c~d": "x"}], "e": None, "f": []}
    assert dict(values(whole)) == {"/a~1b": whole["a/b"], "/a~1b/0": 1, "/a~1b/1/c~0d": "x", "/f": []}
    assert with_value(Evidence(whole), "/a~1b/1/c~0d", 5).json["a/b"] == [1, {"c~d": 5}]
    assert with_value(Evidence(whole), "/g/h", 5).at("/g/h") == 5
    assert whole["a/b"][1] == {"c~d": "x"}
