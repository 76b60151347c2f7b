import pytest

from app.reporting.document import Bullets
from app.reporting.printable import number_text
from app.reporting.sections.algorithm import build
from tests.app.reporting.blocks import figure, statement, table
from tests.app.reporting.evidence_samples import evidence


def percent(text):
    return float(text.removesuffix(" %")) / 100


def test_the_parts_of_the_privacy_loss_add_up():
    rows = table(build(evidence()).blocks, "by kind").rows
    assert sum(percent(row[4]) for row in rows) == pytest.approx(1.0, abs=0.006)
    assert sum(int(row[3]) for row in rows) == len(evidence().at("/certificate/events"))
    assert sum(figure(build(evidence()).blocks, "shares-of-rho").chart.values) == pytest.approx(100.0)


def test_settings_within_settings_have_a_line_each():
    """Statements are whole, and noise on gradients is not counted in rows."""
    trained = evidence("dp-ctgan")
    rows = dict(table(build(trained).blocks, "Settings").rows)
    charge = next(event for event in trained.at("/certificate/events") if event["mechanism"] == "noisy_gradients")
    assert rows["Training sampling rate"] == f"{charge['sampling_rate']:g}"
    assert rows["Training steps"] == str(charge["steps"])
    assert not any("{" in text for text in rows.values())
    noises = [row[2] for row in table(build(trained).blocks, "by kind").rows]
    assert any(noise.startswith(f"σ = {number_text(charge['noise_multiplier'])} × largest") for noise in noises)
    assert f"σ = {number_text(charge['noise_scale'])} rows" not in noises
    said = statement(build(trained).blocks, "Noise, its source and its rounding").value
    assert said.endswith("real numbers cannot be drawn exactly") and "2^-20 of its standard deviation" in said


def test_seeds_are_told_apart():
    found = evidence()
    assert statement(build(found).blocks, "Seeds").value.startswith("5 for the sampling")
    found.json["certificate"]["randomness"]["sampling_seed"] = None
    assert statement(build(found).blocks, "Seeds").value.startswith("no seed of the sampling was kept")


def test_audits_print_lower_bounds_rounded_down_with_confidence_and_runs():
    audits = evidence().at("/method_audits/audits")
    proofs = [(audit, proof) for audit in audits for proof in audit["proofs"]]
    rows = table(build(evidence()).blocks, "Audits of this method").rows
    assert len(rows) == len(proofs) > 0
    for row, (audit, proof) in zip(rows, proofs, strict=True):
        assert float(row[3].split("ε = ")[1].split(",")[0]) <= proof["epsilon"]
        assert row[4:6] == ("99.9 %", f"{proof['runs']:,}") and row[6] == audit["verdict"]


def test_older_audits_are_said_to_be_of_older_code():
    found = evidence()
    found.json["method_audits"]["code_changed"] = True
    assert statement(build(found).blocks, "Privacy code since then").value.startswith("changed")
    found.json["method_audits"]["code_changed"] = False
    assert statement(build(found).blocks, "Privacy code since then").value.startswith("unchanged")


def test_settings_shortened_for_an_audit_are_named():
    said = statement(build(evidence("dp-ctgan")).blocks, "Settings shortened for the audit").value
    assert "steps 4" in said and "fewer steps than in a run" in said
    assert statement(build(evidence()).blocks, "Settings shortened for the audit").value == "none"


def test_known_issues_are_those_of_the_mechanisms_that_ran():
    def issues(found):
        return " ".join(item for block in build(found).blocks if isinstance(block, Bullets) for item in block.items)

    assert "single precision" in issues(evidence("dp-ctgan")) and "single precision" not in issues(evidence())
    assert "exponential mechanism" in issues(evidence())
