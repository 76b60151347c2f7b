"""Runs side by side: every finding of every report, the best one marked, and nothing of anybody else."""

import json
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from app.api import create_api
from app.artifacts import save_bytes
from app.errors import InvalidInputError, NotFoundError, OutdatedReportError, UnavailableError
from app.services.comparison import compare_reports
from app.store import datasets as rows
from engine.evaluation.results import unavailable
from tests.app.builders import ready_dataset, submit
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=5.0)


def finished(services, owner, dataset_id, **choices):
    run = submit(services, owner, dataset_id, epsilon=0.5, **choices)
    do_run(services, run.id)
    return services.runs.get(owner, run.id)


def rewrite(services, run, change):
    """Change a run's stored report."""
    with services.database.read() as session:
        found = rows.find_run_file(session, run.id, "report.json")
    with services.files.open(found.id) as stream:
        report = json.load(stream)
    save_bytes(services.files, found.id, json.dumps(change(report)).encode())


def made(goal, *values):
    """Reports with one measure that has these values."""
    measure = {"name": "m", "title": "M", "goal": goal, "unit": "share", "reference": "Chance"}
    entry = {"title": "Made up", "part": "privacy", "question": "?", "class": "internal", "measures": [measure]}
    tables = {"tables": {"synthetic_rows": 9, "holdout_rows": 3}, "alarms": []}
    reports = []
    for value in values:
        finding = {"measure": "m", "value": value, "interval": [0.0, 1.0], "reference": 0.5, "sentence": "."}
        reports.append(tables | {"metrics": {"made-up": entry | {"findings": [finding]}}})
    return reports


@pytest.fixture
def waiting(services, owner, dataset_id):
    """Four runs that nothing works on, for tests that bring their own reports."""
    return [submit(services, owner, dataset_id, epsilon=0.1) for _ in range(4)]


@pytest.mark.parametrize(
    ("goal", "values", "best"),
    [
        ("low", (0.3, 0.2, 0.4), [False, True, False]),
        ("high", (0.3, 0.2, 0.4), [False, False, True]),
        ("low", (0.2, 0.2, 0.4), [True, True, False]),
        ("low", (0.2, 0.2, 0.2), [False, False, False]),
        ("low", (unavailable("no rows"), 0.2, 0.3), [False, True, False]),
        ("low", (unavailable("no rows"), 0.2, unavailable("no rows")), [False, False, False]),
    ],
)
def test_the_value_nearest_to_the_goal_is_marked(waiting, goal, values, best):
    found = compare_reports(waiting[:3], made(goal, *values)).measures[0]
    assert [finding.is_best for finding in found.findings] == best
    expected = [None if isinstance(value, dict) else value for value in values]
    assert [finding.value for finding in found.findings] == expected
    assert [finding.reason for finding in found.findings] == [
        "no rows" if value is None else None for value in expected
    ]


def test_a_measure_that_one_report_lacks_says_so(waiting):
    first, second, third = made("low", 0.1, 0.2, 0.3)
    second["metrics"] = {}
    third["metrics"]["made-up"] = third["metrics"]["made-up"] | unavailable("one column only")
    found = compare_reports(waiting[:3], [first, second, third]).measures
    assert [finding.reason for finding in found[0].findings] == [
        None, "this report does not have it", "one column only",
    ]  # fmt: skip


def test_runs_of_two_datasets_are_not_compared(waiting):
    other = replace(waiting[0], dataset_id="0" * 32)
    with pytest.raises(InvalidInputError, match="different datasets"):
        compare_reports([waiting[1], other], made("low", 0.1, 0.2))


def test_two_runs_beside_each_other(services, owner, stranger, dataset_id):
    first, second = (finished(services, owner, dataset_id, n_rows=n_rows) for n_rows in (50, 80))
    found = services.reports.compare(owner, [second.id, first.id])
    assert [(run.id, run.synthetic_rows, run.epsilon) for run in found.runs] == [
        (second.id, 80, second.epsilon), (first.id, 50, first.epsilon),
    ]  # fmt: skip
    reports = [services.reports.evaluation(owner, run.id) for run in (second, first)]
    assert [(measure.metric, measure.measure) for measure in found.measures] == [
        (name, measure["name"]) for name, metric in reports[0]["metrics"].items() for measure in metric["measures"]
    ]
    closer = next(measure for measure in found.measures if measure.metric == "closest-record")
    for finding, report in zip(closer.findings, reports, strict=True):
        stored = report["metrics"]["closest-record"]["findings"][0]
        assert (finding.value, list(finding.interval)) == (stored["value"], stored["interval"])
    for ids in ([first.id], [first.id, first.id], [first.id] * 5, []):
        with pytest.raises(InvalidInputError, match="2 to 4 different runs"):
            services.reports.compare(owner, ids)
    for user, ids in ((stranger, [first.id, second.id]), (owner, [first.id, "0" * 32])):
        with pytest.raises(NotFoundError):
            services.reports.compare(user, ids)
    unfinished = submit(services, owner, dataset_id)
    with pytest.raises(UnavailableError, match="not finished"):
        services.reports.compare(owner, [first.id, unfinished.id])
    with TestClient(create_api(services)) as client:
        headers = {"Authorization": f"Bearer {services.accounts.create_token(owner, 'test')[1]}"}
        told = client.get(f"/compare?run={second.id}&run={first.id}", headers=headers)
        assert (told.status_code, [run["id"] for run in told.json()["runs"]]) == (200, [second.id, first.id])
        assert client.get(f"/compare?run={first.id}", headers=headers).status_code == 422
        theirs = {"Authorization": f"Bearer {services.accounts.create_token(stranger, 'test')[1]}"}
        assert client.get(f"/compare?run={second.id}&run={first.id}", headers=theirs).status_code == 404


def test_a_report_of_an_earlier_version_is_not_misread(services, owner, dataset_id):
    first, second = (finished(services, owner, dataset_id, n_rows=50) for _ in range(2))
    rewrite(services, second, lambda report: {"report_version": 1, "fidelity": {}})
    with pytest.raises(OutdatedReportError, match="Make the report again"):
        services.reports.compare(owner, [first.id, second.id])
    with pytest.raises(OutdatedReportError):
        services.reports.current_evaluation(owner, second.id)
    assert services.reports.evaluation(owner, second.id) == {"report_version": 1, "fidelity": {}}
