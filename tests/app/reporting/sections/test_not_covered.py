from app.reporting.sections.not_covered import build
from tests.app.reporting.blocks import statement, texts
from tests.app.reporting.evidence_samples import evidence


def test_every_limit_of_the_certificate_is_listed_whole():
    found = evidence()
    long = "A limit of many words. " * 30
    found.json["certificate"]["not_covered"].append(long)
    said = texts([build(found)])
    assert all(limit.strip() in said for limit in found.at("/certificate/not_covered"))


def test_the_limits_beyond_the_certificate_are_named():
    said = " ".join(texts([build(evidence())])).lower()
    for word in ("linked through the rows of others", "free text", "misuse", "joining", "wrong declaration"):
        assert word in said, word


def test_the_failure_event_has_the_probability_of_delta():
    assert "about δ = 1e−6" in statement(build(evidence()).blocks, "Failure event").value


def test_other_releases_are_for_people_to_declare():
    answered = evidence(answers={"other-releases": "A table of counts in 2024."})
    said = [text for text in texts([build(answered)]) if "2024" in text]
    assert said == ["A table of counts in 2024."]


def test_a_certificate_without_limits_says_so():
    found = evidence()
    found.json["certificate"]["not_covered"] = []
    assert "not provided" in texts([build(found)])
