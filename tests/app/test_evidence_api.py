"""Routes of declarations, reports, verification and keys: one test each, and what they refuse."""

import hashlib
import io
import json
import zipfile

import pytest
from starlette.testclient import TestClient

from app.api import create_api
from app.reporting.frameworks.catalogue import FRAMEWORKS
from engine.evidence.commitment import commit
from tests.app.answers import answers_to
from tests.app.builders import TABLE, ready_dataset, submit
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")


@pytest.fixture
def client(services):
    with TestClient(create_api(services), raise_server_exceptions=False) as made:
        yield made


def bearer(services, user):
    return {"Authorization": f"Bearer {services.accounts.create_token(user, 'test')[1]}"}


@pytest.fixture
def mine(services, owner):
    return bearer(services, owner)


@pytest.fixture
def theirs(services, stranger):
    return bearer(services, stranger)


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner)


@pytest.fixture
def run_id(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=60)
    do_run(services, run.id)
    return run.id


@pytest.fixture
def report(client, mine, run_id):
    made = client.post(f"/runs/{run_id}/evidence", headers=mine, json={"final": False})
    assert made.status_code == 201
    return made.json()


def refused(response, status, code):
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    return response.json()["error"]["message"]


def test_frameworks(client, mine):
    listed = client.get("/frameworks", headers=mine).json()
    assert [framework["id"] for framework in listed["frameworks"]] == list(FRAMEWORKS)
    assert listed["frameworks"][0]["cannot_say"]
    question = listed["common_questions"][0]
    assert {"id", "label", "help", "kind", "completed_by", "required", "choices"} <= set(question)


def test_declarations(client, mine, dataset_id):
    path = f"/datasets/{dataset_id}/declarations"
    empty = client.get(path, headers=mine).json()
    assert (empty["current"]["version"], empty["history"]) == (0, [])
    assert empty["missing"]
    body = {"frameworks": ["gdpr"], "answers": answers_to(["gdpr"]), "base_version": 0}
    saved = client.put(path, headers=mine, json=body)
    assert (saved.status_code, saved.json()["version"], saved.json()["declared_by"]) == (200, 1, "owner")
    found = client.get(path, headers=mine).json()
    assert (found["missing"], len(found["history"])) == ([], 1)
    assert found["current"]["answers"] == body["answers"]
    changed = body | {"frameworks": ["hipaa"]}
    assert "Version 1" in refused(client.put(path, headers=mine, json=changed), 409, "conflict")
    unknown = body | {"frameworks": ["iso-9001"], "base_version": 1}
    assert "gdpr" in refused(client.put(path, headers=mine, json=unknown), 422, "invalid_input")
    refused(client.put(path, headers=mine, json={}), 422, "invalid_input")


def test_all_answers_at_their_longest_fit_into_one_request(client, mine, dataset_id):
    frameworks = list(FRAMEWORKS)
    answers = {name: text for name, text in answers_to(frameworks).items() if isinstance(text, str)}
    longest = {name: f"{text} ".ljust(900, "é") if text.endswith(".") else text for name, text in answers.items()}
    body = {"frameworks": frameworks, "answers": longest, "base_version": 0}
    assert len(json.dumps(body)) > 64 * 1024
    assert client.put(f"/datasets/{dataset_id}/declarations", headers=mine, json=body).status_code == 200


def test_reports_of_a_run(client, mine, run_id):
    path = f"/runs/{run_id}/evidence"
    assert client.get(path, headers=mine).json() == []
    lacking = client.post(path, headers=mine, json={"final": True, "frameworks": ["hipaa"]})
    assert "A final report needs" in refused(lacking, 422, "invalid_input")
    assert "no framework" in refused(
        client.post(path, headers=mine, json={"frameworks": ["nonsense"]}), 422, "invalid_input"
    )
    assert "'finale' is not a choice" in refused(
        client.post(path, headers=mine, json={"finale": 1}), 422, "invalid_input"
    )
    refused(client.post(path, headers=mine, json={"final": "yes"}), 422, "invalid_input")
    refused(client.post(path, headers=mine, json={"frameworks": "gdpr"}), 422, "invalid_input")
    refused(client.post(path, headers=mine, json={"edition": 7}), 422, "invalid_input")
    made = client.post(path, headers=mine, json={"frameworks": ["nist-800-226"]})
    assert (made.status_code, made.json()["version"], made.json()["status"]) == (201, 1, "draft")
    assert [each["id"] for each in client.get(path, headers=mine).json()] == [made.json()["id"]]


def test_a_report_says_whether_it_is_superseded(client, mine, run_id, report):
    found = client.get(f"/evidence/{report['id']}", headers=mine).json()
    assert (found["superseded_by"], found["version"]) == (None, 1)
    later = client.post(f"/runs/{run_id}/evidence", headers=mine, json={}).json()
    found = client.get(f"/evidence/{report['id']}", headers=mine).json()
    assert (found["superseded_by"], found["superseded_by_version"]) == (later["id"], 2)


def test_every_file_of_a_report_is_the_one_that_was_listed(client, mine, report):
    assert len(report["files"]) >= 9
    for file in report["files"]:
        name = file["kind"].rsplit("/", 1)[-1]
        response = client.get(f"/evidence/{report['id']}/files/{name}", headers=mine)
        assert hashlib.sha256(response.content).hexdigest() == file["sha256"]
        assert response.headers["content-disposition"] == f'attachment; filename="{file["filename"]}"'
        assert response.headers["x-classification"] == "releasable"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-type"].split(";")[0] == file["media_type"]
    refused(client.get(f"/evidence/{report['id']}/files/synthetic.csv", headers=mine), 404, "not_found")


def test_the_package_verifies_and_a_changed_byte_does_not(client, mine, report):
    response = client.get(f"/evidence/{report['id']}/package", headers=mine)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
    assert int(response.headers["content-length"]) == len(response.content)
    names = zipfile.ZipFile(io.BytesIO(response.content)).namelist()
    assert {"README.txt", "manifest.json", "report.pdf", "data/synthetic.csv", "data/synthetic.parquet"} <= set(names)
    found = client.post("/verify?filename=p.zip", headers=mine, content=response.content).json()
    assert (found["is_valid"], found["kind"], found["filename"]) == (True, "package", "p.zip")
    assert found["document"]["id"] == report["document_id"]
    middle = len(response.content) // 2
    changed = response.content[:middle] + bytes([response.content[middle] ^ 1]) + response.content[middle + 1 :]
    found = client.post("/verify", headers=mine, content=changed).json()
    assert found["is_valid"] is False
    assert [check for check in found["checks"] if not check["is_good"]]


def test_a_pdf_verifies_and_says_when_it_is_superseded(client, mine, run_id, report):
    pdf = client.get(f"/evidence/{report['id']}/files/report.pdf", headers=mine).content
    found = client.post("/verify?filename=report.pdf", headers=mine, content=pdf).json()
    assert (found["is_valid"], found["kind"], found["superseded_by_version"]) == (True, "pdf", None)
    client.post(f"/runs/{run_id}/evidence", headers=mine, json={})
    found = client.post("/verify", headers=mine, content=pdf).json()
    assert (found["is_valid"], found["superseded_by_version"]) == (True, 2)
    found = client.post("/verify", headers=mine, content=pdf + b"\n").json()
    assert found["is_valid"] is False


def test_evidence_alone_is_verified_with_the_signature_that_is_kept_here(client, mine, report):
    evidence = client.get(f"/evidence/{report['id']}/files/evidence.json", headers=mine).content
    found = client.post("/verify", headers=mine, content=evidence).json()
    assert (found["is_valid"], found["kind"], found["is_recorded"]) == (True, "evidence", True)
    changed = evidence.replace(b'"status":"draft"', b'"status":"final"')
    assert changed != evidence
    found = client.post("/verify", headers=mine, content=changed).json()
    assert (found["is_valid"], found["is_recorded"]) == (False, False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.7 not really", "."),
        (b"PK\x03\x04 not really", "."),
        (b'{"evidence_version": 1, "document": {"id": 7}}', "signature"),
        (b'{"evidence_version": 1, "document": {"id": "00000000-0000-4000-8000-000000000000"}}', "signature"),
        (b"[" * 100_000, "."),
        (b"{" * 100_000, "."),
        (b'{"certificate_version": 1}', "certificate carries no signature"),
        (b"age,colour\n1,red\n", "Synthetic Data Studio"),
    ],
)
def test_what_is_not_ours_is_refused_in_a_sentence(client, mine, content, message):
    told = refused(client.post("/verify?filename=../../x%00.pdf", headers=mine, content=content), 422, "invalid_input")
    assert message in told
    assert told.endswith((".", "…"))
    assert "Traceback" not in told


def test_nothing_is_verified_without_a_file(client, mine):
    refused(client.post("/verify", headers=mine, content=b""), 422, "invalid_input")


def test_keys_are_public_and_only_administrators_rotate_them(client, mine, theirs, report):
    (key,) = client.get("/keys").json()
    assert key["statement_fingerprint"] == report["statement_fingerprint"]
    assert "PRIVATE" not in json.dumps(key)
    refused(client.post("/keys/rotate"), 401, "not_signed_in")
    refused(client.post("/keys/rotate", headers=theirs), 403, "forbidden")
    rotated = client.post("/keys/rotate", headers=mine)
    assert rotated.status_code == 201
    assert [each["id"] for each in client.get("/keys").json()] == [rotated.json()["id"], key["id"]]


def test_a_strangers_reports_look_missing(client, theirs, run_id, report):
    for method, path in (
        ("GET", f"/runs/{run_id}/evidence"),
        ("POST", f"/runs/{run_id}/evidence"),
        ("GET", f"/evidence/{report['id']}"),
        ("GET", f"/evidence/{report['id']}/files/report.pdf"),
        ("GET", f"/evidence/{report['id']}/package"),
    ):
        body = {"json": {"final": False}} if method == "POST" else {}
        refused(client.request(method, path, headers=theirs, **body), 404, "not_found")


def test_the_owner_takes_the_key_that_opens_the_commitment(
    client, services, mine, theirs, dataset_id, report, tmp_path
):
    found = client.get(f"/evidence/{report['id']}/files/evidence.json", headers=mine).json()["private_file"]
    taken = client.get(f"/datasets/{dataset_id}/commitment-key", headers=mine).json()
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    assert taken["algorithm"] == found["algorithm"]
    assert commit(path, bytes.fromhex(taken["key"])) == found["commitment"]
    refused(client.get(f"/datasets/{dataset_id}/commitment-key", headers=theirs), 404, "not_found")
    assert client.get(f"/datasets/{dataset_id}/commitment-key").status_code == 401
