"""Every statement, table and figure of a report comes from where it says, and every number in it."""

from dataclasses import replace

import pytest

from app.reporting.document import Report, Section, Statement, Statements, Status, Table
from app.reporting.evidence import Evidence
from app.reporting.report import build_report
from tests.app.reporting.evidence_samples import evidence
from tests.app.reporting.traceability import untraced, values, with_value

ANSWERS = {"purpose": "To teach.", "unit-reason": "A row is a visit.", "not-for": "Decisions about people."}
CHOSEN = {"2 table of Before, After, at least, After, at most": frozenset({"1", "10", "50"})}
"""Suspicions that the table of odds takes as examples."""


@pytest.mark.parametrize("method", ["mst", "dp-ctgan", "gaussian-copula"])
def test_everything_printed_comes_from_its_sources(method):
    found = evidence(method, answers=ANSWERS)
    problems = untraced(build_report, found, skipped=("/evaluation",), chosen=CHOSEN)
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
