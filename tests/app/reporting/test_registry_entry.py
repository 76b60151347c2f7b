import copy

import jsonschema
import pytest
import yaml

from app.reporting.evidence import Evidence
from app.reporting.registry_entry import registry_entry
from tests.app.reporting.evidence_samples import evidence

TEXT = {"type": "string", "minLength": 1}


def part(required, **properties):
    names = required.split()
    named = dict.fromkeys(names, TEXT) | properties
    return {"type": "object", "additionalProperties": False, "required": names, "properties": named}


SCHEMA = part(
    "url_slug deployment",
    url_slug={"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
    deployment=part(
        "basic dp_variant privacy_loss deployment_model implementation administrative",
        basic=part(
            "name data_curators description intended_use data_product_type data_product_region publication_date",
            data_curators={
                "type": "array",
                "minItems": 1,
                "items": part(
                    "data_curator_name data_curator_type",
                    data_curator_type={"enum": ["Government", "Industry", "Nonprofit"]},
                ),
            },
            data_product_type={"enum": ["Synthetic data"]},
            publication_date={"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        ),
        dp_variant=part(
            "variant_name data_domain unprotected_quantities",
            variant_name={"enum": ["Pure DP", "Approximate DP", "Zero-concentrated DP", "Renyi DP", "Custom"]},
        ),
        privacy_loss=part(
            "privacy_unit privacy_unit_details privacy_parameters privacy_parameters_details",
            number_of_privacy_units={"type": "integer"},
            privacy_parameters=part("epsilon delta", epsilon={"type": "number"}, delta={"type": "number"}),
        ),
        deployment_model=part(
            "model_name trust_assumptions actors release_type release_type_details data_source_type "
            "access_type access_type_details",
            model_name={"enum": ["Local", "Central", "Shuffle", "Federated", "Varies"]},
            release_type={"enum": ["One release", "Many releases"]},
            data_source_type={"enum": ["Static", "Dynamic"]},
            access_type={"enum": ["Interactive", "Non-interactive"]},
        ),
        implementation=part(
            "preprocessing_and_hyperparameter_tuning mechanisms composition post_processing justification utility "
            "additional_information"
        ),
        administrative=part(
            "status registry_authors tier evidence_sources",
            status={"enum": ["Draft"]},
            registry_authors={"type": "array", "minItems": 1, "items": TEXT},
            tier={"enum": [1, 2, 3]},
            evidence_sources={
                "type": "object",
                "additionalProperties": part("misc", misc=part("title", year=TEXT, note=TEXT)),
            },
        ),
    ),
)
"""Fields and words of the registry's form; what it requires, and what this program always fills in."""

ANSWERS = {
    "organisation": "Registry of Norway",
    "organisation-kind": "Government",
    "region": "Norway",
    "publication-date": "2026-12-01",
    "intended-use": "Shares by region",
    "population": "All visits of 2025",
    "recipients": "the public",
    "other-releases": "none",
    "tuning": "none",
    "access-control": "two people",
    "unit-reason": "a visit is the harm",
    "epsilon-reason": "the error that the use accepts",
    "data-owner": "Ada Lovelace",
}


def entry(made):
    return yaml.safe_load(registry_entry(made))


def changed(made, pointer, value):
    whole = copy.deepcopy(dict(made.json))
    *folders, last = pointer.split("/")[1:]
    inner = whole
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    return Evidence(whole)


def test_a_complete_entry_fits_the_registrys_form_and_has_nothing_open():
    text = registry_entry(evidence("mst", answers=ANSWERS))
    jsonschema.validate(yaml.safe_load(text), SCHEMA)
    assert "not provided" not in text and "To be completed" not in text


def test_the_schema_refuses_an_entry_that_lacks_a_field_or_has_one_too_many():
    whole = entry(evidence("mst", answers=ANSWERS))
    for break_it in (
        lambda basic: basic.pop("intended_use"),
        lambda basic: basic.update(surprise="x"),
        lambda basic: basic.update(publication_date="1.12.2026"),
    ):
        broken = copy.deepcopy(whole)
        break_it(broken["deployment"]["basic"])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)


@pytest.mark.parametrize("missing", sorted(ANSWERS))
def test_what_is_open_is_listed_at_the_top_and_never_guessed(missing):
    answers = {key: value for key, value in ANSWERS.items() if key != missing}
    text = registry_entry(evidence("mst", answers=answers))
    comments = [line for line in text.splitlines() if line.startswith("# - deployment.")]
    assert len(comments) == 1 and comments[0].endswith("(the data owner)")
    field = comments[0].split(":")[0].removeprefix("# - deployment.").split(".")[-1]
    try:
        jsonschema.validate(yaml.safe_load(text), SCHEMA)
        assert "not provided" in text
    except jsonschema.ValidationError as error:
        assert field in error.message, "a field is missing that the comment does not name"


def test_numbers_are_the_evidences_and_epsilon_is_rounded_up():
    made = evidence("mst", answers=ANSWERS)
    loss = entry(changed(made, "/certificate/privacy/epsilon", 1.23450001))["deployment"]["privacy_loss"]
    assert loss["privacy_parameters"] == {"epsilon": 1.2346, "delta": 1e-6}
    assert loss["number_of_privacy_units"] == round(made.json["certificate"]["rows"]["estimated_private"])
    assert entry(made)["deployment"]["privacy_loss"]["privacy_parameters"]["epsilon"] == 2.0


def test_rows_are_not_taken_for_people():
    unit = {"kind": "person", "id_column": "patient", "max_rows_per_unit": 3}
    loss = entry(changed(evidence("mst"), "/certificate/unit", unit))["deployment"]["privacy_loss"]
    assert "number_of_privacy_units" not in loss
    assert loss["privacy_unit"] == "one person with at most 3 rows"


def test_mechanisms_are_counted():
    events = evidence("mst").json["certificate"]["events"]
    selections = sum(event["mechanism"] == "exponential_selection" for event in events)
    said = entry(evidence("mst"))["deployment"]["implementation"]["mechanisms"]
    assert selections > 0 and f"exponential mechanism ({selections} time" in said


def test_a_run_without_a_guarantee_has_no_entry():
    with pytest.raises(ValueError, match="without a privacy guarantee"):
        registry_entry(evidence("gaussian-copula"))


@pytest.mark.parametrize(
    "text", ["a: b\n- c", "# comment", "*bold* <b> $x$", "!!python/object/apply:os.system ['true']", "é 😀 \x07"]
)
def test_a_hostile_text_stays_one_text(text):
    made = changed(evidence("mst", answers=ANSWERS | {"organisation": text, "population": text}), "/dataset/name", text)
    written = registry_entry(made)
    jsonschema.validate(yaml.safe_load(written), SCHEMA)
    assert [line for line in written.splitlines() if line.startswith("#")] == written.splitlines()[:2]
    assert "<b>" not in written.replace(r"\<b\>", "")


@pytest.mark.parametrize(("name", "slug"), [("Visits of 2025!", "visits-of-2025-6f1c2a34"), ("用户", "6f1c2a34")])
def test_the_slug_is_plain_and_unique(name, slug):
    assert entry(changed(evidence("mst"), "/dataset/name", name))["url_slug"] == slug
