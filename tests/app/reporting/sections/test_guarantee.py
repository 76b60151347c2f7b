import math

import pytest

from app.reporting.sections.guarantee import build, suspicion_rows
from tests.app.reporting.blocks import figure, statement, statements, table
from tests.app.reporting.evidence_samples import evidence


def percent(text):
    return float(text.removesuffix(" %")) / 100


def value(found, name):
    return statement(build(found).blocks, name).value


@pytest.mark.parametrize("epsilon", [0.01, 0.5, 1.0, 3.0, 10.0, 99.0, 800.0])
def test_a_suspicion_is_bounded_from_both_sides_and_rounded_outwards(epsilon):
    for before, least, most in suspicion_rows(epsilon):
        odds = percent(before) / (1 - percent(before))
        low = odds * math.exp(-epsilon) / (1 + odds * math.exp(-epsilon))
        high = 1 / (1 + math.exp(-epsilon) / odds)
        assert low - 0.0011 < percent(least) <= low + 1e-12
        assert high - 1e-12 <= percent(most) < high + 0.0011


def test_native_parameters_are_printed_and_rounded_up():
    privacy = evidence().at("/certificate/privacy")
    said = value(evidence(), "Gaussian differential privacy")
    assert privacy["mu"] <= float(said.removeprefix("μ = ")) < privacy["mu"] * 1.0001
    rho, epsilon = value(evidence(), "Read as zero-concentrated").removeprefix("ρ = ").split(", ")
    assert privacy["rho_zcdp"] <= float(rho) < privacy["rho_zcdp"] * 1.0001
    assert float(epsilon.rsplit(" ", 1)[1]) >= privacy["epsilon_zcdp"]


def test_a_training_is_written_out_with_noise_rate_and_steps():
    found = evidence("dp-ctgan")
    charge = next(event for event in found.at("/certificate/events") if event["mechanism"] == "noisy_gradients")
    said = value(found, "Training")
    assert f"q = {charge['sampling_rate']:g} by Poisson sampling" in said and f"T = {charge['steps']} steps" in said
    assert (
        said.startswith(f"σ = {charge['noise_multiplier']:.4g} × the clipping norm")
        and "but for a part of δ = 1e−8" in said
    )
    assert "privacy loss distributions" in value(found, "Accountant")
    assert "Training" not in {said.name for said in statements(build(evidence()).blocks)}


def test_epsilon_can_be_read_at_three_deltas_and_is_rounded_up():
    points = evidence().at("/certificate/privacy/epsilon_at")
    rows = table(build(evidence()).blocks, "other values of δ").rows
    assert len(rows) == len(points) == 3
    assert all(float(row[1]) >= point["epsilon"] for row, point in zip(rows, points, strict=True))


def test_the_curve_falls_through_the_stated_point_and_is_of_the_events():
    found = evidence()
    chart = figure(build(found).blocks, "privacy-profile").chart
    ((_, heights),) = chart.series
    assert list(heights) == sorted(heights, reverse=True)
    stated = found.at("/certificate/privacy")
    at = {round(math.log10(delta)): epsilon for delta, epsilon in zip(chart.x, heights, strict=True)}
    assert at[-6] == pytest.approx(stated["epsilon"], abs=1e-9)
    found.json["certificate"]["events"] = [{"event": {"type": "unknown"}}]
    assert not [block for block in build(found).blocks if getattr(block, "name", "") == "privacy-profile"]


def test_delta_is_held_against_declared_and_noisy_rows():
    found = evidence()
    found.json["dataset"]["declared_rows"] = 2_000_000
    assert "n = 2,000,000 as declared in public; δ × n = 2," in value(found, "δ against the declared number of rows")
    found.json["dataset"]["declared_rows"] = None
    assert value(found, "δ against the declared number of rows") == "not provided"
    assert "by charged measurements" in value(found, "δ against the noisy number of rows")


def test_a_person_is_protected_with_all_counted_rows():
    found = evidence()
    found.json["certificate"]["unit"] = {"kind": "person", "id_column": "who", "max_rows_per_unit": 3}
    assert value(found, "Unit of protection") == "one person with at most 3 rows"
    assert "told apart by who, at most 3 random rows were kept" in value(found, "Rows per unit")
    assert value(found, "Level").startswith("user level")
    assert value(found, "Rows left out by that limit").startswith("not counted")
    assert value(evidence(), "Level").startswith("event level")


def test_why_the_unit_matches_is_for_the_owner_to_say():
    open_one = [said for said in statements(build(evidence()).blocks) if said.source[0].endswith("/unit-reason")]
    assert open_one[0].tag == "to be completed by the data owner" and open_one[0].value == "not provided"
    answered = evidence(answers={"unit-reason": "A row is a visit."})
    said = [said for said in statements(build(answered).blocks) if said.source[0].endswith("/unit-reason")]
    assert (said[0].value, said[0].tag) == ("A row is a visit.", "declared by ada")


def test_a_disagreement_of_the_recomputed_epsilon_is_said():
    found = evidence()
    assert value(found, "ε computed again from the events") == "2, which agrees with the certificate"
    found.json["recomputed"]["agrees"] = False
    assert "does not agree" in value(found, "ε computed again from the events")
