from app.reporting.sections.trust import build
from tests.app.reporting.blocks import statement, texts
from tests.app.reporting.evidence_samples import evidence


def value(found, name):
    return statement(build(found).blocks, name).value


def test_access_is_what_the_installation_says():
    found = evidence()
    assert value(found, "A session ends after") == "7 days"
    assert value(found, "Failed logins") == "after 5, the account is locked for 15 minutes"
    assert value(found, "Uploaded private rows") == "kept until the owner deletes the dataset"
    assert value(found, "Encryption of stored files") == "not provided"
    found.json["access"]["raw_rows_kept"] = False
    assert value(found, "Uploaded private rows") == "not kept after the run"


def test_the_private_file_is_bound_by_a_keyed_commitment():
    found = evidence()
    assert value(found, "Keyed commitment to the private file") == f"{'c0' * 32}, by HMAC-SHA256"
    found.json["private_file"] = None
    assert value(found, "Keyed commitment to the private file") == "not provided"


def test_what_people_have_to_declare_waits_for_them():
    section = build(evidence(answers={"recipients": "A team of the university.", "deletion-date": "2027-01-31"}))
    said = " ".join(texts([section]))
    assert "A team of the university." in said and "2027-01-31" in said
    assert "to be completed by the data owner" in said


def test_side_channels_and_the_threat_model_are_listed():
    said = " ".join(texts([build(evidence())])).lower()
    for word in ("time and memory", "failed runs", "order of rows", "private file", "random numbers", "central"):
        assert word in said, word
