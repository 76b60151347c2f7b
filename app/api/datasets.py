"""Routes of datasets."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import require_user, services_of
from app.api.responses import json_response, read_body, read_json
from app.api.uploads import received_body
from app.errors import InvalidInputError
from app.services.dataset_checks import LARGEST_SCHEMA_BYTES
from app.services.views import UserView
from engine.privacy.plan import UnitOfProtection

PLAN_CHOICES = frozenset({"method", "epsilon", "target", "important", "evaluation_share"})
FORECAST_CHOICES = frozenset({"query", "accepted_rows"})


def list_datasets(request: Request) -> JSONResponse:
    """All datasets of the user."""
    return json_response(services_of(request).datasets.list(require_user(request)))


async def create_dataset(request: Request) -> JSONResponse:
    """Register the body as a table; `filename` and `name` come in the query."""
    services = services_of(request)
    user = await run_in_threadpool(require_user, request)
    filename = request.query_params.get("filename", "")
    if not filename:
        raise InvalidInputError("State the file's name in the query, as in ?filename=table.csv.")
    name = request.query_params.get("name", "")
    async with received_body(request, services.settings.max_upload_bytes) as path:
        view = await run_in_threadpool(services.datasets.register, user, name=name, filename=filename, source=path)
    return json_response(view, 201)


def get_dataset(request: Request) -> JSONResponse:
    """One dataset."""
    return json_response(services_of(request).datasets.get(require_user(request), _id(request)))


def delete_dataset(request: Request) -> Response:
    """Delete a dataset with its table and its runs' files."""
    services_of(request).datasets.delete(require_user(request), _id(request))
    return Response(status_code=204)


def get_profile(request: Request) -> JSONResponse:
    """The profile, for the owner's eyes only."""
    return json_response(services_of(request).datasets.profile(require_user(request), _id(request)))


def get_ledger(request: Request) -> JSONResponse:
    """Where the budget stands, and every entry."""
    ledger, user, dataset_id = services_of(request).ledger, require_user(request), _id(request)
    return json_response({"summary": ledger.summary(user, dataset_id), "entries": ledger.entries(user, dataset_id)})


async def put_schema(request: Request) -> JSONResponse:
    """Confirm a whole schema: Frictionless JSON or SDV metadata as the body."""
    services = services_of(request)
    user = await run_in_threadpool(require_user, request)
    body = await read_body(request, LARGEST_SCHEMA_BYTES)
    view = await run_in_threadpool(services.datasets.import_schema, user, _id(request), body, "the body of the request")
    return json_response(view)


async def put_unit(request: Request) -> JSONResponse:
    """Say who is protected: `kind`, `id_column`, `max_rows_per_unit`, `declared_rows`."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    return await run_in_threadpool(_save_unit, request, user, body)


async def put_budget(request: Request) -> JSONResponse:
    """Set the budget: `epsilon`, `delta`."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    delta = body.get("delta", 1e-6)
    view = await run_in_threadpool(
        services_of(request).datasets.save_budget, user, _id(request), body.get("epsilon", 0.0), delta
    )
    return json_response(view)


async def put_unprotected(request: Request) -> JSONResponse:
    """Allow or forbid runs without a privacy guarantee: `allowed`, true or false."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    view = await run_in_threadpool(
        services_of(request).datasets.allow_unprotected, user, _id(request), body.get("allowed")
    )
    return json_response(view)


async def forecast(request: Request) -> JSONResponse:
    """Expected errors of a plan: its choices, and where wanted `query` and `accepted_rows`; reads no rows."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    return await run_in_threadpool(_forecast, request, user, body)


def _forecast(request: Request, user: UserView, body: dict[str, Any]) -> JSONResponse:
    plans, dataset_id = services_of(request).plans, _id(request)
    choices = {name: value for name, value in body.items() if name in PLAN_CHOICES}
    plan = plans.draft_plan(user, dataset_id, **choices)
    if unknown := sorted(set(body) - PLAN_CHOICES - FORECAST_CHOICES):
        known = ", ".join(sorted(PLAN_CHOICES | FORECAST_CHOICES))
        raise InvalidInputError(f"{unknown[0]!r} is not a choice of a forecast: {known}.")
    result = plans.forecast(user, dataset_id, plan).to_json() | {"method": plan.method, "epsilon": plan.epsilon}
    question, accepted = body.get("query"), body.get("accepted_rows")
    if question is None:
        if accepted is not None:
            raise InvalidInputError("State with query of what the error is accepted.")
        return json_response(result)
    query = plans.cell_query(plan, question)
    found, curve = plans.query_forecast(user, dataset_id, plan, query)
    result |= {"query": found.to_json(), "curve": curve}
    if accepted is not None:
        result["epsilon_for_accepted"] = plans.epsilon_for_error(user, dataset_id, plan, query, accepted)
    return json_response(result)


def _save_unit(request: Request, user: Any, body: dict[str, Any]) -> JSONResponse:
    unit = UnitOfProtection.from_json(body)
    datasets = services_of(request).datasets
    return json_response(datasets.save_unit(user, _id(request), unit, body.get("declared_rows", 0)))


def _id(request: Request) -> str:
    return str(request.path_params["dataset_id"])
