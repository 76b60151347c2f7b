import re

import pytest

from app.reporting.claims import find_claims
from app.reporting.document import Figure, Heading, Note, Report
from app.reporting.evidence import INTERNAL_EDITION, Evidence
from app.reporting.sections.risk import build
from engine.evaluation.privacy_metrics import PRIVACY_METRICS
from tests.app.reporting.blocks import statement, statements, table, texts
from tests.app.reporting.evidence_samples import OWNER, evidence
from tests.app.reporting.traceability import untraced

ATTACKS = "/evaluation/metrics"
CHARTED = ("singling-out", "linkability", "attribute-inference")


def internal(method="mst"):
    return evidence(method, edition=INTERNAL_EDITION)


def outcomes(*, is_met, state="open", override=None):
    """A release held against a criterion on an attack, one on a score that was paid for, and the alarms."""
    word = "met" if is_met else "not met"
    return {
        "state": state,
        "outcomes": [
            {
                "title": "Membership inference: Recognised at 1 % false",
                "required": "at most 5 %",
                "state": word,
                "sentence": "Found 7.31 %.",
                "criterion": {"metric": "membership", "measure": "true-positives-at-1-percent", "limit": 0.05},
                "value": 0.0731,
            }
        ],
        "override": override,
    }


def test_the_releasable_edition_names_the_attacks_and_none_of_their_numbers():
    section = build(evidence())
    run = table(section.blocks, "Attacks that were run")
    assert [row[0] for row in run.rows] == [info.title for info in PRIVACY_METRICS]
    assert [row[1] for row in run.rows] == [info.question for info in PRIVACY_METRICS]
    assert [row[2] for row in run.rows][:3] == ["singling out", "linkability", "inference"]
    assert not any(re.search(r"\d", cell) for row in run.rows for cell in row)
    assert "internal edition" in " ".join(texts([section]))


def test_nothing_of_the_evaluation_enters_a_releasable_edition():
    """Even where the evidence held it by mistake."""
    found = evidence()
    found.json["evaluation"] = internal().json["evaluation"]
    assert build(found) == build(evidence())


def test_attacks_that_were_not_recorded_are_not_said_to_have_run():
    found = evidence()
    found.json["run"]["attacks"] = None
    assert statement(build(found).blocks, "Attacks that were run").value == "not provided"
    found.json["run"]["attacks"] = ["a later attack"]
    assert table(build(found).blocks, "Attacks that were run").rows[0][0] == "a later attack"


@pytest.mark.parametrize("method", ["mst", "gaussian-copula"])
def test_the_internal_edition_tells_each_attack_with_its_threat_and_its_control(method):
    section = build(internal(method))
    headings = [block.text for block in section.blocks if isinstance(block, Heading)]
    assert headings[: len(PRIVACY_METRICS)] == [info.title for info in PRIVACY_METRICS]
    said = " ".join(texts([section]))
    assert said.count("Knowledge assumed") == 5  # three attacks record it, and two are described here
    details = internal(method).at(f"{ATTACKS}/linkability/details")
    rates = table(section.blocks, "Linkability: success")
    assert len(rates.rows) == len(details["attacks"])
    first, row = details["attacks"][0], rates.rows[0]
    assert row[:2] == (first["title"], str(first["n_attacks"]))
    shares = [first[group]["rate"] for group in ("main", "baseline", "control")]
    assert list(row[2:5]) == [f"{100 * share:.4g} %" for share in shares]
    low, high = first["risk"]["interval"]
    assert row[6] == f"{100 * low:.4g} % to {100 * high:.4g} %"
    assert statement(section.blocks[:6], "Threat model").value == (
        internal(method).at(f"{ATTACKS}/singling-out/details/threat_model")
    )


def test_the_drawing_shows_each_finding_with_its_interval():
    (figure,) = [block for block in build(internal()).blocks if isinstance(block, Figure)]
    findings = [found for name in CHARTED for found in internal().at(f"{ATTACKS}/{name}/findings")]
    assert list(figure.chart.values) == [found["value"] for found in findings]
    assert list(figure.chart.highs) == [found["interval"][1] for found in findings]
    assert all(label in figure.alt for label in figure.chart.labels)


def test_the_closest_record_is_a_search_for_faults_and_says_so():
    said = texts(build(internal()).blocks)
    (about,) = [text for text in said if "no measure of privacy" in text]
    assert about.startswith("Risk, in the words of WP216: none of the three: a search for faults of the program.")
    assert [text for text in said if text.startswith("A share near one half means only")]


def test_what_could_not_be_computed_says_why():
    found = internal()
    found.json["evaluation"]["metrics"]["linkability"] = {
        "title": "Linkability",
        "part": "privacy",
        "unavailable": "no real rows were set aside",
    }
    said = [row.value for row in statements(build(found).blocks) if row.name == "Could not be computed"]
    assert "no real rows were set aside" in said
    found.json["evaluation"] = None
    assert statement(build(found).blocks, "Attacks").value == "not provided"


def test_an_alarm_is_a_warning():
    found = internal()
    found.json["evaluation"]["alarms"] = [{"code": "x", "title": "Rows were copied", "sentence": "12 rows are copies."}]
    section = build(found)
    assert statement(section.blocks, "Alarm: Rows were copied").value == "12 rows are copies."
    assert [
        block for block in section.blocks if isinstance(block, Note) and block.is_warning and "alarms" in block.text
    ]
    assert not [text for text in texts(build(internal()).blocks) if text.startswith(("Alarm", "The report has alarms"))]


def test_without_a_guarantee_no_epsilon_is_printed():
    said = texts([build(internal("gaussian-copula"))])
    assert not [text for text in said if "ε" in text or "epsilon" in text]
    assert len(said) > 100


def test_audits_print_the_largest_bound_and_what_it_does_not_prove():
    section = build(evidence())
    first, second = evidence().at("/method_audits/audits")
    largest = max(proof[key] for proof in second["proofs"] for key in ("epsilon", "epsilon_of_mu"))
    assert statement(section.blocks, "Largest bounds that audits proved").value == (
        "where ε = 1 was stated, at least 0, with a confidence of 99.9 %; "
        f"where ε = 4 was stated, at least {largest:.3g}, with a confidence of 99.9 %"
    )
    assert (first["epsilon"], second["epsilon"]) == (1.0, 4.0)
    assert any("proves nothing good" in text for text in texts([section]))


@pytest.mark.parametrize("key", ["epsilon", "epsilon_of_mu"])
def test_an_audit_that_proves_more_than_was_stated_is_a_warning(key):
    found = evidence()
    warning = "An audit proved more than was stated"
    assert not [text for text in texts([build(found)]) if text.startswith(warning)]
    found.json["method_audits"]["audits"][0]["proofs"][0][key] = 1.01
    (note,) = [block for block in build(found).blocks if isinstance(block, Note) and block.text.startswith(warning)]
    assert note.is_warning


def test_no_audit_is_made_up():
    found = evidence()
    found.json["method_audits"]["audits"] = []
    said = statement(build(found).blocks, "Largest bounds that audits proved")
    assert said.value == "none was recorded for this method"
    found.json["method_audits"] = None
    assert statement(build(found).blocks, "Largest bounds that audits proved").value == "not provided"


def test_criteria_are_printed_as_the_evidence_has_them():
    found = evidence()
    assert "The plan stated no criterion before the run." in texts([build(found)])
    found.json["run"]["release"] = outcomes(is_met=True)
    rows = table(build(found).blocks, "Criteria").rows
    assert rows[0] == (
        "Membership inference: Recognised at 1 % false",
        "at most 5 %",
        "met: Found 7.31 %.",
    )
    assert any("one bit about the real rows" in text for text in texts([build(found)]))


def test_an_override_is_printed_with_its_reason_and_by_whom():
    found = evidence()
    override = {"reason": "A <b>known</b>\u202e artefact.", "username": "bo", "at": "2026-11-03T10:00:00+00:00"}
    found.json["run"]["release"] = outcomes(is_met=False, state="overridden", override=override)
    blocks = build(found).blocks
    said = statement(blocks, "Opened all the same, because")
    assert (said.value, said.tag) == ("A <b>known</b>‹U+202E› artefact.", "declared by bo")
    assert statement(blocks, "Opened on").value == "2026-11-03 10:00:00 UTC"
    assert said.by != OWNER


@pytest.mark.parametrize("found", [evidence(), internal(), internal("gaussian-copula")], ids=str)
def test_no_word_decides(found):
    said = "\n".join(texts([build(found)]))
    assert find_claims(said) == ()
    assert not re.search(r"\b(?:passed|failed|safe|anonymous|secure|compliant|acceptable)\b", said, re.IGNORECASE)


@pytest.mark.parametrize("name", ["linkability", "membership"])
def test_the_numbers_of_attacks_come_from_where_they_say(name):
    whole = internal().json
    whole["evaluation"]["metrics"] = {name: _shortened(whole["evaluation"]["metrics"][name])}
    others = tuple(f"/{part}" for part in whole if part not in ("evaluation", "method_audits", "run"))
    assert untraced(_only_risk, Evidence(whole), (*others, f"{ATTACKS}/{name}/part")) == []


def _only_risk(found):
    return Report("T", "", "", False, "", (), (build(found),), "id")


def _shortened(metric):
    """Without the curves that the section does not print."""
    left = {name: value for name, value in metric["details"].items() if name not in ("roc", "halves")}
    return metric | {"details": left}
