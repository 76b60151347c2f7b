from app.reporting.sections.cover import PREFACE, cover
from engine.audit.recorded import code_digest
from tests.app.reporting.evidence_samples import OWNER, evidence


def values(found):
    return {said.name: said.value for said in cover(found)}


def test_the_first_page_says_what_who_when_and_with_which_keys():
    shown = values(evidence())
    assert shown["Document"] == "6f1c2a34-0000-4000-8000-000000000001"
    assert shown["Version"] == "2, in place of version 1 (6f1c2a34-0000-4000-8000-000000000000)"
    assert shown["Made"] == "2026-11-28 10:00:00 UTC"
    assert shown["Made by"] == "Synthetic Data Studio 0.1.0"
    assert shown["Dataset"] == f"Visits ({'d' * 32})"
    assert shown["Synthetic table"].endswith("rows, 4 columns")
    assert shown["Synthetic file, SHA-256"] == f"synthetic.csv, 9,000 bytes: {'ab' * 32}"
    assert shown["Key of the statement"] == "5e" * 32 and shown["Key of the document"] == "d0" * 32
    assert "not for filing" in shown["Status"]


def test_the_code_that_made_the_run_is_named_where_the_certificate_does():
    found = evidence()
    assert values(found)["Code that made the run, SHA-256"] == code_digest()
    del found.json["certificate"]["generator"]["code_sha256"]
    assert values(found)["Code that made the run, SHA-256"] == "not provided"


def test_the_first_version_takes_the_place_of_none():
    found = evidence()
    found.json["document"] |= {"supersedes": None, "version": 1}
    assert values(found)["Version"] == "1"


def test_an_override_is_printed_with_who_when_and_why():
    found = evidence()
    override = {"reason": "The rows are public anyway.", "username": "bob", "at": "2026-11-03T09:00:00+00:00"}
    found.json["run"]["release"] |= {"state": "overridden", "override": override}
    said = values(found)["Release"]
    assert said.startswith("overridden by bob on 2026-11-03 09:00:00 UTC, though a criterion is not met")
    assert said.endswith("The rows are public anyway.")


def test_dropped_columns_are_not_counted():
    found = evidence()
    found.json["certificate"]["columns"][0]["treatment"] = "drop"
    assert values(found)["Synthetic table"].endswith("rows, 3 columns")


def test_what_the_owner_stated_is_tagged_so():
    tags = {said.name: said.tag for said in cover(evidence())}
    assert tags["Dataset"] == f"declared by {OWNER}" and tags["Document"] == "computed"


def test_it_calls_itself_evidence_and_no_certification():
    assert PREFACE.startswith("This document is evidence. It is not a certification or legal advice.")


def test_no_file_is_said_to_be_missing():
    found = evidence()
    found.json["synthetic_files"] = []
    assert values(found)["Synthetic file, SHA-256"] == "not provided"
