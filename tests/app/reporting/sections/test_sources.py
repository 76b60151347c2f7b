from app.reporting.sections.sources import build
from tests.app.reporting.blocks import statement, statements, table
from tests.app.reporting.evidence_samples import evidence


def rows(found):
    listed = table(build(found).blocks, "Each column")
    return [dict(zip(listed.header, row, strict=True)) for row in listed.rows]


def test_every_column_says_where_its_domain_came_from():
    found = evidence()
    columns = found.json["certificate"]["columns"]
    columns[0]["domain_source"] = "measured"
    columns[1] |= {"domain_source": None, "treatment": "drop", "outside_rule": None}
    columns[2]["domain_source"] = "declared"
    assert [row["Source"] for row in rows(found)] == [
        "measured and charged",
        "not read",
        "declared",
        "public reference",
    ]
    assert rows(found)[1]["Outside of it"] == rows(found)[1]["Missing values"] == "–"
    assert statement(build(found).blocks, "Columns").value == "4: 3 synthesized, 1 dropped"


def test_what_a_domain_cost_is_what_was_measured_of_that_column_alone():
    found = evidence()
    by_column = {row["Column"]: row["ρ for it"] for row in rows(found)}
    charged = [event for event in found.at("/certificate/events") if event["mechanism"] == "numeric_histogram"]
    assert {event["reads"][0] for event in charged} == {"age", "cost"}
    for name in ("age", "cost"):
        cost = sum(event["rho"] for event in charged if event["reads"] == [name])
        assert cost <= float(by_column[name]) <= cost * 1.001
    assert by_column["region"] == by_column["smoker"] == "–"  # one-way marginals are no domain


def test_missing_values_follow_what_was_declared():
    found = evidence()
    found.json["certificate"]["schema"]["fields"][0]["constraints"]["required"] = True
    assert [row["Missing values"] for row in rows(found)][:2] == ["declared to have none", "a category of their own"]


def test_domains_are_confirmed_by_a_person_on_a_day():
    said = statement(build(evidence()).blocks, "Domains and types")
    assert (said.value, said.tag) == ("confirmed by ada on 2026-11-01 09:00:00 UTC", "declared by ada")


def test_the_number_of_private_rows_is_the_noisy_one():
    said = statement(build(evidence()).blocks, "Number of private rows").value
    noisy = round(evidence().at("/certificate/rows/estimated_private"))
    assert said == f"about {noisy}, estimated from charged measurements; the exact number was not released"


def test_rules_are_listed_as_declared():
    found = evidence()
    rules = [
        {"kind": "at_most", "low": "age", "high": "cost"},
        {"kind": "combinations", "columns": ["region", "smoker"], "rows": [["north", True], ["south", False]]},
        {"kind": "at_most", "low": "age", "high": "a column that is dropped"},
    ]
    found.json["certificate"]["schema"]["x-synthesis"] = {"rules": rules}
    said = [rule for rule in statements(build(found).blocks) if rule.name.startswith("Rule ")]
    assert [rule.value for rule in said] == [
        "age is at most cost; kept in every synthetic row",
        "region and smoker occur in 2 listed combinations only; kept in every synthetic row",
        "age is at most a column that is dropped; passed over, since a column is not synthesized",
    ]
    assert all(rule.tag == "declared by ada" for rule in said)
    assert not [rule for rule in statements(build(evidence()).blocks) if rule.name.startswith("Rule ")]
