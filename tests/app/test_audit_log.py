"""Reading the audit log: who sees which lines, filters, pages, where a request came from, and the routes."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from app import origin
from app.api import create_api
from app.clock import utc_now
from app.services.audit import AuditFilter
from app.wiring import build
from engine.cli import main
from tests.app.builders import ready_dataset, submit
from tests.app.test_api import assert_error, bearer
from tests.conftest import FAST_BCRYPT_ROUNDS
from workers.jobs import do_run


@pytest.fixture
def client(services):
    with TestClient(create_api(services), raise_server_exceptions=False, client=("192.0.2.7", 5000)) as made:
        yield made


@pytest.fixture
def mine(services, owner):
    return bearer(services, owner)


def actions(entries):
    return [entry.action for entry in entries]


def test_an_administrator_sees_all_lines_and_others_their_own(services, owner, stranger):
    services.audit.record(owner, "dataset.rename", "dataset", "d" * 32)
    services.audit.record(stranger, "run.cancel", "run", "e" * 32)
    services.audit.record(None, "sign_in.failed", "account", None)
    assert actions(services.audit.list(stranger)) == ["run.cancel"]
    assert actions(services.audit.list(owner))[:3] == ["sign_in.failed", "run.cancel", "dataset.rename"]
    assert services.audit.choices(stranger).actions == ("run.cancel",)
    assert "dataset.rename" in services.audit.choices(owner).actions
    assert services.audit.choices(owner).usernames == ("owner", "stranger")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"action": "run.cancel"}, ["run.cancel"]),
        ({"action": "run"}, ["run.done", "run.cancel"]),
        ({"action": "ru"}, []),
        ({"action": "r_n"}, []),
        ({"action": "%"}, []),
        ({"username": "stranger"}, ["running.off", "run.cancel"]),
        ({"username": "strang"}, []),
        ({"object_kind": "run", "object_id": "e" * 32}, ["running.off", "run.done", "run.cancel"]),
        ({"object_id": "' OR 1=1 --"}, []),
        ({"username": "stranger", "action": "run"}, ["run.cancel"]),
    ],
)
def test_filters(services, owner, stranger, wanted, expected):
    services.audit.record(stranger, "run.cancel", "run", "e" * 32)
    services.audit.record(owner, "run.done", "run", "e" * 32)
    services.audit.record(stranger, "running.off", "run", "e" * 32)
    assert actions(services.audit.list(owner, wanted=AuditFilter(**wanted))) == expected


def test_times_bound_the_lines(settings, services):
    clock = [datetime(2026, 1, 1, 12, tzinfo=UTC)]
    timed = build(settings, now=lambda: clock[0], password_rounds=FAST_BCRYPT_ROUNDS)
    owner = timed.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    for day in range(2, 6):
        clock[0] += timedelta(days=1)
        timed.audit.record(owner, f"day.{day}", "run", None)
    since, until = datetime(2026, 1, 3, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC)
    assert actions(timed.audit.list(owner, wanted=AuditFilter(since=since, until=until))) == ["day.4", "day.3"]
    assert actions(timed.audit.list(owner, wanted=AuditFilter(until=since))) == ["day.2", "user.create"]
    timed.close()


def test_pages_go_back_without_gap_or_double(services, owner):
    for number in range(25):
        services.audit.record(owner, f"step.{number}", "run", None)
    seen, before = [], None
    while page := services.audit.list(owner, 7, before=before):
        seen += [entry.sequence for entry in page]
        before = seen[-1]
    assert seen == list(range(26, 0, -1))


def test_lines_say_where_they_come_from(services, owner):
    with origin.coming_from("2001:db8::1"):
        services.audit.record(owner, "one", "run", None)
    services.audit.record(owner, "two", "run", None)
    with origin.coming_from("x" * 500 + "\n"):
        services.audit.record(owner, "three", "run", None)
    assert [entry.address for entry in services.audit.list(owner)[:3]] == ["x" * 64, "", "2001:db8::1"]


def test_what_a_worker_does_comes_from_the_worker(services, owner, few_metrics):
    run = submit(services, owner, ready_dataset(services, owner))
    do_run(services, run.id)
    lines = {entry.action: entry.address for entry in services.audit.list(owner)}
    assert (lines["run.done"], lines["run.reserve"]) == ("worker", "")


def test_the_head_moves_with_every_line(services, owner):
    before = services.audit.head()
    services.audit.record(owner, "one", "run", None)
    after = services.audit.head()
    assert after["entries"] == before["entries"] + 1
    assert after["head"] == services.audit.list(owner)[0].hash != before["head"]


def test_own_lines_are_exported_without_a_chain(services, owner, stranger, tmp_path, capsys):
    services.audit.record(owner, "dataset.rename", "dataset", "d" * 32)
    services.audit.record(stranger, "run.cancel", "run", "e" * 32)
    file = services.audit_export.export(stranger)
    path = tmp_path / file.filename
    path.write_bytes(file.read())
    header, *lines = map(json.loads, path.read_text().splitlines())
    assert header["scope"] == "own"
    assert "signature" not in header
    assert [line["action"] for line in lines] == ["run.cancel", "audit.export"]
    assert {line["username"] for line in lines} == {"stranger"}
    assert "hash" not in lines[0]
    assert main(["verify-audit", str(path)]) == 2
    assert "have an administrator export the whole log" in capsys.readouterr().err


def test_the_route_lists_filtered_lines_with_the_address_of_the_request(client, services, owner, mine):
    dataset_id = ready_dataset(services, owner)
    client.delete(f"/datasets/{dataset_id}", headers=mine)
    found = client.get(f"/audit?action=dataset&object_id={dataset_id}&limit=1", headers=mine).json()
    assert [(line["action"], line["address"], line["username"]) for line in found] == [
        ("dataset.delete", "192.0.2.7", "owner")
    ]
    today = utc_now().date()
    assert client.get(f"/audit?since={today}&until={today}", headers=mine).json()
    assert client.get(f"/audit?until={today - timedelta(days=1)}", headers=mine).json() == []
    assert client.get(f"/audit?since={utc_now().isoformat().replace('+', '%2B')}", headers=mine).json() == []
    assert client.get("/audit?before=1", headers=mine).json() == []
    forwarded = client.delete(f"/datasets/{dataset_id}", headers=mine | {"X-Forwarded-For": "203.0.113.9"})
    assert forwarded.status_code == 404
    services.accounts.create_token(owner, "test")
    assert "203.0.113.9" not in client.get("/audit", headers=mine).text


ODD_QUERIES = (
    *("limit=0", "limit=1001", "limit=x", "limit=٣", "before=-1"),
    *("since=yesterday", "until=2026-13-01", "until=9999-12-31"),
)


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_a_query_that_cannot_be_used_says_so(client, mine, query):
    assert_error(client.get(f"/audit?{query}", headers=mine), 422, "invalid_input")


def test_the_route_checks_the_chain(client, services, stranger, mine):
    found = client.get("/audit/verify", headers=bearer(services, stranger)).json()
    assert (found["is_whole"], found["breaks"]) == (True, [])
    assert found["head"] == services.audit.head()["head"]


def test_the_route_exports(client, services, mine, tmp_path, capsys):
    response = client.get("/audit/export", headers=mine)
    assert (response.status_code, response.headers["X-Classification"]) == (200, "internal")
    assert int(response.headers["Content-Length"]) == len(response.content)
    path = tmp_path / "audit.jsonl"
    path.write_bytes(response.content)
    assert main(["verify-audit", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == services.audit.head()["entries"]


def test_the_route_erases_for_administrators_only(client, services, owner, stranger, mine):
    services.accounts.authenticate("stranger", "correct horse battery")
    theirs = bearer(services, stranger)
    assert_error(client.post("/audit/erasures", headers=theirs, json={"user_id": owner.id}), 403, "forbidden")
    assert_error(client.post("/audit/erasures", headers=mine, json={}), 422, "invalid_input")
    assert_error(client.post("/audit/erasures", headers=mine, json={"user_id": "0" * 32}), 404, "not_found")
    assert client.post("/audit/erasures", headers=mine, json={"user_id": stranger.id}).json() == {"lines": 2}
    assert {line.is_erased for line in services.audit.list(stranger)} == {True}
    assert services.audit.verify(owner).is_whole
