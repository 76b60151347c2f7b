"""Routes of runs and of what they made."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from app.api.auth import require_user, services_of
from app.api.responses import file_response, json_response, read_json
from app.errors import InvalidInputError
from app.services.reports import RELEASABLE
from app.services.views import UserView

CHOICES = frozenset(
    {"method", "epsilon", "n_rows", "holdout_share", "target", "important", "criteria", "evaluation_share"}
)

DRAW_CHOICES = frozenset({"n_rows", "given", "neutralise_formulas"})


async def create_run(request: Request) -> JSONResponse:
    """Reserve and queue a run: `dataset_id` and, of the choices in `CHOICES`, those that are not saved."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    return await run_in_threadpool(_submit, request, user, body)


def list_runs(request: Request) -> JSONResponse:
    """The user's runs; `?dataset_id=` keeps those of one dataset."""
    user = require_user(request)
    return json_response(services_of(request).runs.list(user, request.query_params.get("dataset_id")))


def get_run(request: Request) -> JSONResponse:
    """One run, and where it stands."""
    services, user, run_id = services_of(request), require_user(request), _id(request)
    run = services.runs.get(user, run_id)
    return json_response({"run": run, "progress": services.runs.progress(user, run_id)})


def cancel_run(request: Request) -> JSONResponse:
    """Stop a run."""
    return json_response(services_of(request).runs.cancel(require_user(request), _id(request)))


def resume_run(request: Request) -> JSONResponse:
    """Have a run that ended early go on from its last checkpoint, without a further charge."""
    return json_response(services_of(request).runs.resume(require_user(request), _id(request)))


async def override_release(request: Request) -> JSONResponse:
    """Open a release that its criteria close: `reason`."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    release = services_of(request).release
    return json_response(await run_in_threadpool(release.override, user, _id(request), body.get("reason")))


def list_criteria(request: Request) -> JSONResponse:
    """Measures that a run's `criteria` may be about."""
    require_user(request)
    return json_response(services_of(request).plans.criteria_catalogue())


def evaluate_run(request: Request) -> JSONResponse:
    """Have the report of a finished run made again, without any charge."""
    return json_response(services_of(request).runs.evaluate(require_user(request), _id(request)))


def get_report(request: Request) -> JSONResponse:
    """The evaluation, which is internal: it shows statistics of real rows."""
    return json_response(services_of(request).reports.evaluation(require_user(request), _id(request)))


def compare_runs(request: Request) -> JSONResponse:
    """Reports of `?run=…&run=…` side by side; internal, as the reports are."""
    run_ids = request.query_params.getlist("run")
    return json_response(services_of(request).reports.compare(require_user(request), run_ids))


def list_artifacts(request: Request) -> JSONResponse:
    """All files that the run made."""
    return json_response(services_of(request).reports.list_artifacts(require_user(request), _id(request)))


def get_artifact(request: Request) -> StreamingResponse:
    """One file, streamed."""
    user, kind = require_user(request), str(request.path_params["kind"])
    return file_response(services_of(request).reports.open_artifact(user, _id(request), kind))


async def draw_rows(request: Request) -> Response:
    """Further rows as CSV, at no privacy loss: `n_rows`, and `given` and `neutralise_formulas` where wanted."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    return await run_in_threadpool(_draw, request, user, body)


async def ask(request: Request) -> JSONResponse:
    """A count, share or mean by group with its interval, at no privacy loss: `measure`, `column`, `where`, `by`, …"""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    return await run_in_threadpool(_ask, request, user, body)


def _ask(request: Request, user: UserView, body: dict[str, Any]) -> JSONResponse:
    response = json_response(services_of(request).answers.ask(user, _id(request), body))
    response.headers["X-Classification"] = RELEASABLE
    return response


def _draw(request: Request, user: UserView, body: dict[str, Any]) -> Response:
    run_id = services_of(request).runs.get(user, _id(request)).id
    if unknown := sorted(set(body) - DRAW_CHOICES):
        raise InvalidInputError(f"{unknown[0]!r} is not a choice of a draw: {', '.join(sorted(DRAW_CHOICES))}.")
    given, neutralise = body.get("given", {}), body.get("neutralise_formulas", True)
    if not isinstance(given, dict) or not isinstance(neutralise, bool):
        raise InvalidInputError("given is an object of column and value, and neutralise_formulas is true or false.")
    content = services_of(request).further_rows.draw_csv(
        user, run_id, body.get("n_rows"), given, neutralise_formulas=neutralise
    )
    headers = {
        "Content-Disposition": f'attachment; filename="run-{run_id[:8]}-further_rows.csv"',
        "X-Classification": RELEASABLE,
    }
    return Response(content, media_type="text/csv", headers=headers)


def _submit(request: Request, user: UserView, body: dict[str, Any]) -> JSONResponse:
    services = services_of(request)
    dataset_id = body.pop("dataset_id", None)
    if not isinstance(dataset_id, str):
        raise InvalidInputError("State the dataset_id.")
    if unknown := sorted(set(body) - CHOICES):
        raise InvalidInputError(f"{unknown[0]!r} is not a choice of a run: {', '.join(sorted(CHOICES))}.")
    plan = services.plans.draft_plan(user, dataset_id, **body)
    services.plans.criteria(user, dataset_id, plan, body.get("criteria"))
    services.datasets.save_draft(user, dataset_id, **body)
    return json_response(services.runs.submit(user, dataset_id, plan), 201)


def _id(request: Request) -> str:
    return str(request.path_params["run_id"])
