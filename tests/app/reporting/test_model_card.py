import re

import pytest
import yaml

from app.reporting.document import Bullets, Statements, Status, Table
from app.reporting.evidence import INTERNAL_EDITION, Evidence
from app.reporting.model_card import build_model_card, model_card_markdown
from app.reporting.printable import clean
from app.reporting.report import build_report
from app.reporting.sections import model_card
from tests.app.reporting.evidence_samples import evidence

TITLES = ["Intended use", "Not for", "Data", "Method", "Privacy", "Quality by subgroup", "Limits"]
UNPROTECTED = "gaussian-copula"


def with_part(made, part, **changes):
    return Evidence({**made.json, part: {**made.json[part], **changes}})


def front_matter(made):
    text = model_card_markdown(made)
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("\n---\n")[0])


def statements(report, title):
    section = next(section for section in report.sections if section.title == title)
    return {row.name: row for block in section.blocks if isinstance(block, Statements) for row in block.rows}


def tables(report, title):
    section = next(section for section in report.sections if section.title == title)
    return [block for block in section.blocks if isinstance(block, Table)]


@pytest.mark.parametrize("method", ["mst", UNPROTECTED])
def test_the_card_has_its_parts_in_order_with_and_without_a_guarantee(method):
    assert [section.title for section in build_model_card(evidence(method)).sections] == TITLES


def test_the_card_is_a_section_of_the_report_with_the_same_content():
    made = evidence("mst")
    section = model_card.build(made, "13")
    assert section in build_report(made).sections
    for _, blocks in model_card.parts(made):
        assert set(blocks) <= set(section.blocks)


def test_what_nobody_declared_is_open_and_what_somebody_did_is_quoted():
    bare = statements(build_model_card(evidence("mst")), "Intended use")
    assert {row.status for row in bare.values()} == {Status.OPEN}
    answered = evidence("mst", answers={"intended-use": "Shares by region", "not-for": "Single people"})
    use = statements(build_model_card(answered), "Intended use")["Intended use of the synthetic table"]
    assert (use.value, use.tag) == ("Shares by region", "declared by ada")
    assert statements(build_model_card(answered), "Not for")["Uses that are ruled out"].value == "Single people"


def test_columns_are_listed_with_where_their_domain_is_known_from():
    (table,) = tables(build_model_card(evidence("mst")), "Data")
    assert [row[0] for row in table.rows] == ["age", "region", "smoker", "cost"]
    assert {row[4] for row in table.rows} == {"public reference"}
    (unprotected,) = tables(build_model_card(evidence(UNPROTECTED)), "Data")
    assert {row[4] for row in unprotected.rows} == {"taken from the rows, not protected"}


def test_privacy_is_the_certificates_and_without_a_guarantee_no_epsilon_is_printed():
    guarantee = statements(build_model_card(evidence("mst")), "Privacy")["The guarantee"]
    assert guarantee.value.startswith("ε = 2 at δ = 1e−6 for one row of the table")
    text = model_card_markdown(evidence(UNPROTECTED))
    assert "No privacy guarantee: for internal use only" in text
    assert not re.search(r"ε\s*[=<≤]|δ\s*=", text)


def test_quality_by_subgroup_is_what_was_charged_and_never_the_internal_numbers():
    made = evidence("mst")
    quality = statements(build_model_card(made), "Quality by subgroup")
    assert quality["Quality by subgroup, charged to the budget"].value == "not provided"
    assert {row[0] for table in tables(build_model_card(made), "Quality by subgroup") for row in table.rows} == {
        "age",
        "region",
        "smoker",
        "cost",
    }
    internal = tables(build_model_card(evidence("mst", edition=INTERNAL_EDITION)), "Quality by subgroup")
    assert any("no budget paid for these numbers" in table.caption for table in internal)
    leaked = Evidence({**made.json, "evaluation": evidence("mst", edition=INTERNAL_EDITION).json["evaluation"]})
    assert build_model_card(leaked) == build_model_card(made), "a releasable card printed internal numbers"


def test_a_charged_subgroup_finding_is_quoted():
    made = evidence("mst")
    released = made.json["released_report"]
    found = {"findings": [{"sentence": "Women over 80 are 3 % too few."}], "measures": []}
    charged = with_part(made, "released_report", metrics={**released["metrics"], "subgroups": found})
    quality = statements(build_model_card(charged), "Quality by subgroup")["Quality by subgroup, charged to the budget"]
    assert quality.value == "Women over 80 are 3 % too few."
    assert quality.source == ("/released_report/metrics/subgroups/findings/0/sentence",)


def test_limits_repeat_the_certificates():
    made = evidence("mst")
    (section,) = [section for section in build_model_card(made).sections if section.title == "Limits"]
    (bullets,) = [block for block in section.blocks if isinstance(block, Bullets)]
    assert set(made.json["certificate"]["not_covered"]) < set(bullets.items)


def test_the_front_matter_holds_what_was_computed_and_leaves_out_what_nobody_declared():
    assert front_matter(evidence("mst")) == {
        "pretty_name": "Visits",
        "tags": ["synthetic", "differential-privacy", "tabular"],
        "size_categories": ["n<1K"],
    }
    assert "differential-privacy" not in front_matter(evidence(UNPROTECTED))["tags"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"licence": "CC-BY-4.0", "language": "en, nb"}, {"license": "cc-by-4.0", "language": ["en", "nb"]}),
        ({"licence": "By contract"}, {"license": "other", "license_name": "By contract"}),
        ({"language": "Norwegian"}, {}),
    ],
)
def test_a_declared_licence_and_language_are_in_the_front_matter(answers, expected):
    found = front_matter(evidence("mst", answers=answers))
    assert {key: found[key] for key in found if key in ("license", "license_name", "language")} == expected


@pytest.mark.parametrize(("rows", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (250_000, "100K<n<1M"), (2e7, "n>10M")])
def test_sizes_are_the_hubs_classes(rows, size):
    made = evidence("mst")
    sized = with_part(made, "certificate", rows={**made.json["certificate"]["rows"], "synthetic": rows})
    assert front_matter(sized)["size_categories"] == [size]


@pytest.mark.parametrize("name", ["a: b # c", "---\ntags: [x]", "{}", "!!python/object:os.system", "'\"&*|>%@`", "yes"])
def test_a_hostile_name_stays_a_name_in_the_front_matter(name):
    found = front_matter(with_part(evidence("mst"), "dataset", name=name))
    assert isinstance(found["pretty_name"], str) and set(found) == {"pretty_name", "tags", "size_categories"}
    assert found["pretty_name"] == clean(name)


def test_the_card_names_its_document_and_carries_the_banner():
    card = build_model_card(evidence("mst"))
    assert (card.document_id, card.banner) == ("6f1c2a34-0000-4000-8000-000000000001", "Draft: not for filing")
    assert not card.is_alarm and build_model_card(evidence("mst", edition=INTERNAL_EDITION)).is_alarm
