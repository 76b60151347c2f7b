"""All routes, and the application that serves them under `/api` or alone."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.api import audit_log, audits, browser, datasets, evidence, runs
from app.api.auth import services_of
from app.api.origin import OriginMiddleware
from app.api.responses import (
    json_response,
    on_app_error,
    on_engine_error,
    on_http_error,
    on_unexpected_error,
)
from app.errors import AppError
from app.wiring import Services
from engine.errors import EngineError
from engine.version import __version__


def get_health(request: Request) -> JSONResponse:
    """Whether the database and Redis answer."""
    services = services_of(request)
    parts = {"database": services.database.is_reachable(), "redis": services.queue.is_reachable()}
    healthy = all(parts.values())
    status = "ok" if healthy else "degraded"
    return json_response({"status": status, "version": __version__, **parts}, 200 if healthy else 503)


ROUTES = (
    Route("/health", get_health, methods=["GET"]),
    Route("/browser-session", browser.keep_session, methods=["POST"]),
    Route("/browser-session", browser.forget_session, methods=["DELETE"]),
    Route("/audits", audits.get_audits, methods=["GET"]),
    Route("/audit", audit_log.list_entries, methods=["GET"]),
    Route("/audit/export", audit_log.export_log, methods=["GET"]),
    Route("/audit/verify", audit_log.verify_log, methods=["GET"]),
    Route("/audit/erasures", audit_log.erase_person, methods=["POST"]),
    Route("/datasets", datasets.list_datasets, methods=["GET"]),
    Route("/datasets", datasets.create_dataset, methods=["POST"]),
    Route("/datasets/{dataset_id}", datasets.get_dataset, methods=["GET"]),
    Route("/datasets/{dataset_id}", datasets.delete_dataset, methods=["DELETE"]),
    Route("/datasets/{dataset_id}/profile", datasets.get_profile, methods=["GET"]),
    Route("/datasets/{dataset_id}/ledger", datasets.get_ledger, methods=["GET"]),
    Route("/datasets/{dataset_id}/schema", datasets.put_schema, methods=["PUT"]),
    Route("/datasets/{dataset_id}/unit", datasets.put_unit, methods=["PUT"]),
    Route("/datasets/{dataset_id}/budget", datasets.put_budget, methods=["PUT"]),
    Route("/datasets/{dataset_id}/unprotected", datasets.put_unprotected, methods=["PUT"]),
    Route("/datasets/{dataset_id}/declarations", evidence.get_declarations, methods=["GET"]),
    Route("/datasets/{dataset_id}/declarations", evidence.put_declarations, methods=["PUT"]),
    Route("/datasets/{dataset_id}/commitment-key", evidence.get_commitment_key, methods=["GET"]),
    Route("/frameworks", evidence.list_frameworks, methods=["GET"]),
    Route("/criteria", runs.list_criteria, methods=["GET"]),
    Route("/compare", runs.compare_runs, methods=["GET"]),
    Route("/datasets/{dataset_id}/forecast", datasets.forecast, methods=["POST"]),
    Route("/runs", runs.list_runs, methods=["GET"]),
    Route("/runs", runs.create_run, methods=["POST"]),
    Route("/runs/{run_id}", runs.get_run, methods=["GET"]),
    Route("/runs/{run_id}/cancel", runs.cancel_run, methods=["POST"]),
    Route("/runs/{run_id}/resume", runs.resume_run, methods=["POST"]),
    Route("/runs/{run_id}/evaluate", runs.evaluate_run, methods=["POST"]),
    Route("/runs/{run_id}/override", runs.override_release, methods=["POST"]),
    Route("/runs/{run_id}/rows", runs.draw_rows, methods=["POST"]),
    Route("/runs/{run_id}/interval", runs.ask, methods=["POST"]),
    Route("/runs/{run_id}/report", runs.get_report, methods=["GET"]),
    Route("/runs/{run_id}/artifacts", runs.list_artifacts, methods=["GET"]),
    Route("/runs/{run_id}/artifacts/{kind}", runs.get_artifact, methods=["GET"]),
    Route("/runs/{run_id}/evidence", evidence.list_reports, methods=["GET"]),
    Route("/runs/{run_id}/evidence", evidence.make_report, methods=["POST"]),
    Route("/evidence/{report_id}", evidence.get_report, methods=["GET"]),
    Route("/evidence/{report_id}/files/{kind}", evidence.get_file, methods=["GET"]),
    Route("/evidence/{report_id}/package", evidence.get_package, methods=["GET"]),
    Route("/verify", evidence.verify, methods=["POST"]),
    Route("/keys", evidence.list_keys, methods=["GET"]),
    Route("/keys/rotate", evidence.rotate_keys, methods=["POST"]),
)


def create_api(services: Services, **options: Any) -> Starlette:
    """The API over an application.

    Args:
        services: the application.
        options: passed to Starlette, such as `lifespan`.
    """
    api = Starlette(
        routes=list(ROUTES),
        middleware=[Middleware(OriginMiddleware)],
        exception_handlers={
            AppError: on_app_error,
            EngineError: on_engine_error,
            HTTPException: on_http_error,
            Exception: on_unexpected_error,
        },
        **options,
    )
    api.state.services = services
    return api
