import math
from datetime import UTC, datetime

import pytest

from app.reporting.content import build_content
from app.reporting.guarantee import odds_sentence, suspicion_rows, unit_text
from tests.app.reporting.documents import DATASET, LEDGER, certificate


def content(made=None, ledger=LEDGER, dataset=DATASET):
    """The document's texts."""
    return build_content(
        certificate() if made is None else made,
        ledger,
        dataset,
        has_evaluation=False,
        created=datetime(2026, 1, 2, tzinfo=UTC),
    )


def percent(text):
    return float(text.removesuffix(" %")) / 100


@pytest.mark.parametrize("epsilon", [0.01, 0.5, 1.0, 3.0, 10.0, 99.0])
def test_a_suspicion_is_bounded_from_both_sides_and_rounded_outwards(epsilon):
    for before, least, most in suspicion_rows(epsilon):
        odds = percent(before) / (1 - percent(before))
        exact = [odds * factor / (1 + odds * factor) for factor in (math.exp(-epsilon), math.exp(epsilon))]
        assert exact[0] - 0.0011 < percent(least) <= exact[0] + 1e-12
        assert exact[1] - 1e-12 <= percent(most) < exact[1] + 0.0011


@pytest.mark.parametrize(("epsilon", "factor"), [(0.0, "1.00"), (1.0, "2.72"), (5.0, "148.42"), (8.0, "2,981")])
def test_the_odds_factor_is_never_below_the_exact_one(epsilon, factor):
    made = certificate()
    made["privacy"]["epsilon"] = epsilon
    assert f"e^ε = {factor}," in odds_sentence(made)
    assert float(factor.replace(",", "")) >= math.exp(epsilon)


def test_a_person_is_protected_with_all_counted_rows():
    made = certificate()
    made["unit"] = {"kind": "person", "id_column": "who", "max_rows_per_unit": 3}
    assert unit_text(made) == "one person with at most 3 rows"
    rows = {name: value for name, value, _ in content(made)["guarantee"]}
    assert "told apart by who, at most 3 random rows were kept" in rows["Rows per unit"]


def test_every_column_says_where_its_domain_came_from():
    made = certificate()
    made["columns"][0]["domain_source"] = "measured"
    made["columns"][1] |= {"domain_source": None, "treatment": "drop", "outside_rule": None}
    sources = [row[4] for row in content(made)["columns"]]
    assert sources == ["measured", "not read", "public", "public"]
    assert content(made)["columns_line"] == "4 columns: 3 synthesized, 1 dropped."


def test_the_parts_of_the_privacy_loss_add_up():
    rows = content()["measurements"]
    assert sum(percent(row[4]) for row in rows) == pytest.approx(1.0, abs=0.002)
    assert sum(int(row[3]) for row in rows) == len(certificate()["events"])


def test_the_ledger_is_printed_entry_by_entry():
    made = content()
    assert made["entries"] == [["2026-01-02 03:04", "run-7", "ada", "MST at ε = 1", "committed", "1"]]
    assert ["Left", "1.5"] in made["ledger"]


def test_every_status_is_one_of_three():
    statuses = {status for _, status, _ in content()["statements"]}
    assert statuses == {"computed", "declared", "to be completed by a person"}
