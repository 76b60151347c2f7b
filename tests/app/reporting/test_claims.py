from pathlib import Path

import pytest

from app.errors import InvalidInputError
from app.reporting.claims import FORBIDDEN, find_claims, refuse_claims

ROOT = Path(__file__).parents[3]
OWN_SOURCE = ROOT / "app" / "reporting" / "claims.py"

CLAIMS = [
    "HIPAA compliant because ε < 1",
    "This table is GDPR-compliant.",
    "compliant with HIPAA",
    "SOC 2 compliant dataset",
    "CCPA compliant ✓",
    "AI Act compliant",
    "meets NIST 800-226",
    "certified to NIST SP 800-226",
    "GDPR does not apply",
    "GDPR no longer applies",
    "outside the scope of the GDPR",
    "Our process ensures GDPR compliance",
    "guarantees compliance",
    "a risk-free table",
    "Nobody can be found: rows cannot be re-identified",
    "Safe Harbor met by DP",
    "All 18 identifiers removed",
    "Expert Determination: completed",
    "Approved for PHI use",
    "a fully anonymous table",
    "zero re-identification risk",
    "No risk of re-identification",
    "no link to real people",
    "100% private",
    "guaranteed private",
    "DCR passed, therefore private",
    "No exact copies, therefore private",
    "attacks failed, therefore safe",
    "privacy score 98%",
    "k-anonymity achieved",
    "very strong privacy",
    "Preset: High privacy",
    "certified by Synthetic Data Studio",
    "the GAN does not memorise",
    "this model never memorizes rows",
]

HONEST = [
    "This document is evidence. It is not a certification or legal advice.",
    "HIPAA 164.514(b)(1): evidence for an expert",
    "A share near one half proves nothing about privacy.",
    "The guarantee covers one row of the table.",
    "Not certified by anyone.",
    "privacy loss, from low to high",
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_forbidden_claims_are_found(claim):
    (found, *_) = find_claims(f"first line\nsome words, {claim}, and more")
    assert found.line == 2


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_line_break_hides_no_claim(claim):
    assert find_claims(claim.replace(" ", "\n", 1))


@pytest.mark.parametrize("sentence", HONEST)
def test_honest_sentences_pass(sentence):
    assert find_claims(sentence) == ()


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_text_with_a_claim_is_refused_and_the_claim_is_quoted(claim):
    (found, *_) = find_claims(claim)
    with pytest.raises(InvalidInputError) as refusal:
        refuse_claims(["An honest sentence.", claim])
    assert f"“{found.text}”" in refusal.value.user_message and found.reason in refusal.value.user_message


@pytest.mark.parametrize(
    "disguise",
    [
        "GDPR\u00a0compliant",
        "GDPR\u200b compliant",
        "ＧＤＰＲ compliant",
        "fully  \n anonymous",
        "f\u00adully anonymous",
    ],
)
def test_spaces_and_look_alikes_hide_nothing(disguise):
    with pytest.raises(InvalidInputError):
        refuse_claims([disguise])


def test_a_column_that_is_named_like_a_claim_is_data_and_excuses_nothing_else():
    names = ["certified by", "GDPR", "age"]
    refuse_claims(["Column certified by was synthesized."], names)
    with pytest.raises(InvalidInputError):
        refuse_claims(["Column certified by was synthesized; the table is GDPR compliant."], names)
    with pytest.raises(InvalidInputError):
        refuse_claims(["Column certified by was synthesized."])


@pytest.mark.parametrize("sentence", HONEST)
def test_honest_texts_are_not_refused(sentence):
    assert refuse_claims([sentence]) is None


def test_every_pattern_has_an_example():
    reasons = {found.reason for claim in CLAIMS for found in find_claims(claim)}
    assert reasons == {reason for reason, _ in FORBIDDEN}


def product_texts():
    """Everything that a user of the product may read, and the sources it is made of."""
    folders = {"app": ("py", "typ", "html", "md"), "pages": ("py",), "engine": ("py",), "workers": ("py",)}
    files = [
        path
        for folder, endings in folders.items()
        for ending in endings
        for path in sorted((ROOT / folder).rglob(f"*.{ending}"))
    ]
    return [*files, *sorted(ROOT.glob("*.md"))]


def test_no_text_of_the_product_makes_a_forbidden_claim():
    texts = [path for path in product_texts() if path != OWN_SOURCE]
    assert ROOT / "app" / "reporting" / "rendering" / "report.typ" in texts
    found = {
        f"{path.relative_to(ROOT)}:{claim.line}": claim.text
        for path in texts
        for claim in find_claims(path.read_text(encoding="utf-8"))
    }
    assert found == {}
