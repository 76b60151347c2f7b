"""The API: tokens on every route, one error shape, and the whole line from an upload to the downloads."""

import hashlib
import io
import json
import logging
import math
from dataclasses import replace

import pandas as pd
import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from starlette.testclient import TestClient

from app.api import create_api
from app.api.routes import ROUTES
from app.services.results import Attempt
from app.wiring import build
from engine.progress import TrainingNumbers
from tests.app.builders import SCHEMA, TABLE, ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS

WITHOUT_TOKEN = {"/health", "/browser-session", "/keys"}
PROTECTED = [
    (method, route.path)
    for route in ROUTES
    if route.path not in WITHOUT_TOKEN
    for method in sorted(route.methods - {"HEAD"})
]


@pytest.fixture
def client(services):
    with TestClient(create_api(services), raise_server_exceptions=False) as made:
        yield made


def bearer(services, user):
    return {"Authorization": f"Bearer {services.accounts.create_token(user, 'test')[1]}"}


@pytest.fixture
def mine(services, owner):
    return bearer(services, owner)


def assert_error(response, status, code):
    """Every error is `{"error": {"code": ..., "message": ...}}` and nothing else."""
    body = response.json()
    assert (response.status_code, list(body), sorted(body["error"])) == (status, ["error"], ["code", "message"])
    assert body["error"]["code"] == code
    assert body["error"]["message"].endswith((".", "…"))
    return body["error"]["message"]


def call(client, method, path, headers, **ids):
    content = json.dumps({"dataset_id": ids.get("dataset_id"), **SCHEMA.to_json(), "declared_rows": 300, "epsilon": 1})
    if path == "/runs" and method == "POST":
        content = json.dumps({"dataset_id": ids.get("dataset_id"), "epsilon": 0.1})
    body = {} if method in ("GET", "DELETE") else {"content": content}
    headers = headers | {"Content-Type": "application/json"}
    ids = {"kind": "synthetic.csv", "report_id": "0" * 32} | ids
    return client.request(method, path.format(**ids), headers=headers, **body)


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic d3Jvbmc6d3Jvbmc="])
def test_every_route_wants_a_token(client, method, path, header):
    headers = {"Authorization": header} if header else {}
    response = call(client, method, path, headers, dataset_id="0" * 32, run_id="0" * 32)
    assert_error(response, 401, "not_signed_in")
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_is_refused(client, services, owner):
    token, secret = services.accounts.create_token(owner, "test")
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/datasets", headers=headers).status_code == 200
    services.accounts.revoke_token(owner, token.id)
    assert_error(client.get("/datasets", headers=headers), 401, "not_signed_in")


@pytest.mark.parametrize(("method", "path"), [pair for pair in PROTECTED if "{" in pair[1]] + [("POST", "/runs")])
def test_a_strangers_things_look_missing(client, services, owner, stranger, method, path):
    dataset_id = ready_dataset(services, owner)
    run_id = submit(services, owner, dataset_id).id
    theirs = bearer(services, stranger)
    foreign = call(client, method, path, theirs, dataset_id=dataset_id, run_id=run_id)
    missing = call(client, method, path, theirs, dataset_id="0" * 32, run_id="0" * 32)
    assert_error(foreign, 404, "not_found")
    assert foreign.json() == missing.json()
    assert services.runs.get(owner, run_id).status == "queued"


def test_lists_hold_only_the_users_own_things(client, services, owner, stranger, mine):
    submit(services, owner, ready_dataset(services, owner))
    assert [len(client.get(path, headers=mine).json()) for path in ("/datasets", "/runs")] == [1, 1]
    theirs = bearer(services, stranger)
    assert [client.get(path, headers=theirs).json() for path in ("/datasets", "/runs")] == [[], []]


def test_health_says_which_part_is_away(client, settings, services, tmp_path):
    healthy = client.get("/health")
    assert (healthy.status_code, healthy.json()["status"]) == (200, "ok")
    assert healthy.json()["database"] is healthy.json()["redis"] is True
    away = build(replace(settings, redis_url=f"unix://{tmp_path}/no.sock"), database=services.database)
    with TestClient(create_api(away)) as degraded:
        response = degraded.get("/health")
    assert response.status_code == 503
    assert response.json() | {"version": ""} == {"status": "degraded", "version": "", "database": True, "redis": False}


def test_errors_of_the_framework_have_the_same_shape(client, mine):
    assert_error(client.get("/nothing", headers=mine), 404, "not_found")
    assert_error(client.put("/runs", headers=mine), 405, "method_not_allowed")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(client, services, owner, mine, content):
    dataset_id = ready_dataset(services, owner)
    headers = mine | {"Content-Type": "application/json"}
    response = client.put(f"/datasets/{dataset_id}/unit", headers=headers, content=content)
    assert "JSON" in assert_error(response, 422, "invalid_input")


def test_a_body_that_is_too_large_is_refused(client, services, owner, mine):
    dataset_id = ready_dataset(services, owner)
    response = client.put(f"/datasets/{dataset_id}/unit", headers=mine, json={"kind": "x" * 100_000})
    assert_error(response, 413, "too_large")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("unit", {"kind": "planet", "declared_rows": 300}, "invalid_plan"),
        ("unit", {"kind": "row"}, "invalid_input"),
        ("unit", {"kind": "person", "id_column": ["age"], "declared_rows": 300}, "invalid_input"),
        ("budget", {}, "invalid_input"),
        ("budget", {"epsilon": "1"}, "invalid_input"),
        ("schema", {"fields": []}, "invalid_data"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(client, services, owner, mine, path, body, code):
    dataset_id = ready_dataset(services, owner)
    assert_error(client.put(f"/datasets/{dataset_id}/{path}", headers=mine, json=body), 422, code)


def test_a_run_takes_no_unknown_choice(client, services, owner, mine):
    dataset_id = ready_dataset(services, owner)
    response = client.post("/runs", headers=mine, json={"dataset_id": dataset_id, "seed": 1})
    assert "'seed'" in assert_error(response, 422, "invalid_input")


def test_a_run_takes_the_columns_that_matter_most(client, services, owner, mine):
    dataset_id = ready_dataset(services, owner)
    asked = {"dataset_id": dataset_id, "epsilon": 0.1, "target": "colour", "important": ["age"]}
    refused = client.post("/runs", headers=mine, json=asked | {"important": ["size"]})
    assert "'size'" in assert_error(refused, 422, "invalid_plan")
    assert "important" not in services.datasets.get(owner, dataset_id).draft
    run = client.post("/runs", headers=mine, json=asked)
    assert run.status_code == 201
    plan = services.results.load(Attempt(run.json()["id"])).plan
    assert (plan.target, plan.important) == ("colour", ("age",))


def test_a_run_takes_a_share_for_its_releasable_report(client, services, owner, mine):
    dataset_id = ready_dataset(services, owner)
    asked = {"dataset_id": dataset_id, "epsilon": 0.1, "evaluation_share": 0.1}
    refused = client.post("/runs", headers=mine, json=asked | {"evaluation_share": 0.9})
    assert "releasable report" in assert_error(refused, 422, "invalid_plan")
    run = client.post("/runs", headers=mine, json=asked)
    assert run.status_code == 201
    assert services.results.load(Attempt(run.json()["id"])).plan.evaluation_share == 0.1


def test_a_refused_budget_says_what_is_left(client, services, owner, mine):
    dataset_id = ready_dataset(services, owner, cap=0.5)
    response = client.post("/runs", headers=mine, json={"dataset_id": dataset_id, "epsilon": 0.9})
    assert "up to ε 0.5 still fits" in assert_error(response, 409, "budget_refused")
    assert client.get(f"/datasets/{dataset_id}/ledger", headers=mine).json()["summary"]["n_entries"] == 0


def test_an_upload_over_the_limit_is_refused(settings):
    services = build(replace(settings, max_upload_mb=1), password_rounds=FAST_BCRYPT_ROUNDS)
    services.database.migrate()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    headers = bearer(services, owner)
    with TestClient(create_api(services)) as client:
        response = client.post("/datasets?filename=a.csv", headers=headers, content=b"a" * (1024**2 + 1))
        assert_error(response, 413, "too_large")
        assert_error(client.post("/datasets?filename=a.csv", headers=headers, content=b""), 422, "invalid_input")
        assert_error(client.post("/datasets", headers=headers, content=b"a"), 422, "invalid_input")
    services.close()


def test_an_unexpected_error_says_nothing_of_itself(client, services, owner, mine, monkeypatch, caplog):
    def fail(user):
        raise ValueError("cell Zebulon-Quux-493")

    monkeypatch.setattr(services.datasets, "list", fail)
    with caplog.at_level(logging.DEBUG):
        response = client.get("/datasets", headers=mine)
    assert_error(response, 500, "internal_error")
    assert "Zebulon" not in response.text + caplog.text


def test_the_whole_line(client, services, owner, mine, settings, monkeypatch):
    monkeypatch.setattr("workers.jobs.process_services", lambda: services)
    created = client.post("/datasets?filename=people.csv&name=People", headers=mine, content=TABLE.encode())
    assert (created.status_code, created.json()["n_rows"], created.json()["next_step"]) == (201, 300, "columns")
    path = f"/datasets/{created.json()['id']}"
    assert client.get(f"{path}/profile", headers=mine).json()["classification"] == "owner only"
    assert client.put(f"{path}/schema", headers=mine, json=SCHEMA.to_json()).json()["next_step"] == "protect"
    unit = {"kind": "row", "declared_rows": 300}
    assert client.put(f"{path}/unit", headers=mine, json=unit).json()["next_step"] == "budget"
    budget = client.put(f"{path}/budget", headers=mine, json={"epsilon": 2.0, "delta": 1e-6})
    assert budget.json()["epsilon_cap"] == 2.0
    asked = {"dataset_id": created.json()["id"], "method": "mst", "epsilon": 1.0, "n_rows": 30}
    run = client.post("/runs", headers=mine, json=asked)
    assert (run.status_code, run.json()["status"]) == (201, "queued")
    with Redis.from_url(settings.redis_url) as connection:
        queue = Queue(settings.queue_name, connection=connection, serializer="json")
        SimpleWorker([queue], connection=connection, serializer="json").work(burst=True)
    run_path = f"/runs/{run.json()['id']}"
    ended = client.get(run_path, headers=mine).json()
    assert (ended["run"]["status"], ended["progress"]["fraction"]) == ("done", 1.0)
    assert client.get(f"{run_path}/report", headers=mine).json()["classification"] == "internal"
    files = {file["kind"]: file for file in client.get(f"{run_path}/artifacts", headers=mine).json()}
    assert set(files) == {
        "synthetic.csv", "synthetic_raw.csv", "synthetic.parquet", "certificate.json", "report.json",
        "released_report.json",
        "model.npz",
    }  # fmt: skip
    for kind, file in files.items():
        download = client.get(f"{run_path}/artifacts/{kind}", headers=mine)
        assert hashlib.sha256(download.content).hexdigest() == file["sha256"]
        assert download.headers["x-classification"] == file["classification"]
        assert file["filename"] in download.headers["content-disposition"]
    table = pd.read_csv(io.BytesIO(client.get(f"{run_path}/artifacts/synthetic.csv", headers=mine).content))
    assert (len(table), list(table.columns)) == (30, list(SCHEMA.names))
    further = client.post(f"{run_path}/rows", headers=mine, json={"n_rows": 70, "given": {"colour": "red"}})
    assert (further.status_code, further.headers["x-classification"]) == (200, "releasable")
    drawn = pd.read_csv(io.BytesIO(further.content))
    assert (len(drawn), set(drawn["colour"]), list(drawn.columns)) == (70, {"red"}, list(SCHEMA.names))
    asked = client.post(f"{run_path}/interval", headers=mine, json={"measure": "share", "column": "colour"})
    assert (asked.status_code, asked.headers["x-classification"]) == (200, "releasable")
    assert [row["group"]["colour"] for row in asked.json()["rows"]] == ["blue", "green", "red"]
    assert all(row["low"] <= row["value"] <= row["high"] for row in asked.json()["rows"])
    wrong = client.post(f"{run_path}/interval", headers=mine, json={"measure": "count", "column": "age"})
    assert "names no column" in assert_error(wrong, 422, "invalid_input")
    ledger = client.get(f"{path}/ledger", headers=mine).json()
    assert [entry["state"] for entry in ledger["entries"]] == ["committed"]
    assert ledger["summary"]["epsilon_spent"] == pytest.approx(1.0, abs=1e-5)
    assert client.delete(path, headers=mine).status_code == 204
    assert_error(client.get(run_path, headers=mine), 404, "not_found")


def test_rows_are_drawn_by_known_choices_only(client, services, owner, mine):
    run = submit(services, owner, ready_dataset(services, owner))
    path = f"/runs/{run.id}/rows"
    assert "'seed'" in assert_error(client.post(path, headers=mine, json={"seed": 1}), 422, "invalid_input")
    assert_error(client.post(path, headers=mine, json={"n_rows": 1, "given": ["age"]}), 422, "invalid_input")
    unfinished = client.post(path, headers=mine, json={"n_rows": 1})
    assert "not finished" in assert_error(unfinished, 503, "unavailable")


def test_a_run_can_be_cancelled(client, services, owner, mine):
    run = submit(services, owner, ready_dataset(services, owner))
    cancelled = client.post(f"/runs/{run.id}/cancel", headers=mine).json()
    assert (cancelled["status"], cancelled["ledger_state"]) == ("cancelled", "released")
    assert_error(client.post(f"/runs/{run.id}/cancel", headers=mine), 409, "conflict")


def test_the_sign_in_cookie_is_hidden_from_scripts_and_ends_at_sign_out(client, services, owner):
    secret = services.accounts.open_session(owner)
    kept = client.post("/browser-session", json={"session": secret})
    assert kept.status_code == 204
    cookie = kept.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.delete("/browser-session").status_code == 204
    assert services.accounts.session_user(secret) is None


def test_a_form_on_another_site_cannot_set_the_cookie(client, services, owner):
    content = json.dumps({"session": services.accounts.open_session(owner)})
    response = client.post("/browser-session", content=content, headers={"Content-Type": "text/plain"})
    assert_error(response, 422, "invalid_input")
    assert "set-cookie" not in response.headers
    assert_error(client.post("/browser-session", json={"session": "guess"}), 401, "not_signed_in")


def test_a_run_can_be_resumed_and_tells_the_numbers_of_its_training(client, services, owner, mine):
    run = submit(services, owner, ready_dataset(services, owner))
    services.ledger.commit(run.id)
    assert_error(client.post(f"/runs/{run.id}/resume", headers=mine), 409, "conflict")
    numbers = TrainingNumbers(3, 10, 0.3, math.nan, None, 0.1, 500.0, None, "cpu")
    services.queue.save_training(run.id, [numbers.to_json()])
    services.checkpoints.of(Attempt(run.id)).save(b"state")
    services.results.finish(Attempt(run.id), "cancelled")
    resumed = client.post(f"/runs/{run.id}/resume", headers=mine).json()
    assert (resumed["status"], resumed["attempt"], resumed["ledger_state"]) == ("queued", 2, "committed")
    told = client.get(f"/runs/{run.id}", headers=mine).json()["progress"]["training"]
    assert told == [numbers.to_json() | {"generator_loss": None}]


def test_a_forecast_tells_errors_and_the_epsilon_for_an_accepted_one(client, services, owner, mine):
    dataset_id = ready_dataset(services, owner)
    path = f"/datasets/{dataset_id}/forecast"
    plain = client.post(path, json={"method": "mst", "epsilon": 0.5}, headers=mine).json()
    assert (plain["method"], plain["epsilon"], plain["declared_rows"]) == ("mst", 0.5, 300)
    assert {column["name"] for column in plain["columns"]} == set(SCHEMA.names)
    where = [{"column": "colour", "values": ["red", "blue"]}]
    body = {"method": "mst", "epsilon": 0.5, "query": {"measure": "count", "where": where}, "accepted_rows": 50}
    found = client.post(path, json=body, headers=mine).json()
    assert found["query"]["cells"] == 2
    assert found["query"]["case"] == "measured"
    assert [found["curve"][place]["epsilon"] for place in (0, -1)] == [0.1, 10.0]
    again = client.post(path, json=body | {"epsilon": found["epsilon_for_accepted"]}, headers=mine).json()
    assert again["query"]["half_width"] <= 50
    assert services.ledger.summary(owner, dataset_id).n_entries == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"rows": 3}, "not a choice of a forecast"),
        ({"accepted_rows": 50}, "State with query"),
        ({"query": {"measure": "count", "where": [{"column": "shape", "values": ["x"]}]}}, "no synthesized column"),
        ({"query": {"measure": "share", "column": "colour"}}, "ask for a count"),
        ({"query": {"measure": "count", "by": ["colour"]}, "accepted_rows": -1}, "positive number"),
        ({"query": {"measure": "count", "by": ["colour"]}, "accepted_rows": "many"}, "positive number"),
        ({"method": "gaussian-copula"}, "draws no noise"),
    ],
)
def test_a_forecast_that_cannot_be_made_says_why(client, services, owner, mine, body, words):
    dataset_id = ready_dataset(services, owner)
    choices = {} if "method" in body else {"method": "mst", "epsilon": 0.5}
    response = client.post(f"/datasets/{dataset_id}/forecast", json=choices | body, headers=mine)
    assert response.status_code in (400, 422)
    assert words.lower() in response.json()["error"]["message"].lower()
