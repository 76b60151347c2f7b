"""Routes of declarations, signed reports, their verification, and the keys that sign them."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from app.api.auth import require_user, services_of
from app.api.responses import file_response, json_response, read_json
from app.api.uploads import received_body
from app.errors import InvalidInputError
from app.services.views import UserView

MAKE_CHOICES = frozenset({"final", "frameworks", "edition"})
LARGEST_DECLARATIONS_BYTES = 1024 * 1024


def list_frameworks(request: Request) -> JSONResponse:
    """Frameworks that a report can have an annex for, and all questions."""
    require_user(request)
    declarations = services_of(request).declarations
    return json_response({"frameworks": declarations.frameworks(), "common_questions": declarations.common_questions()})


def get_declarations(request: Request) -> JSONResponse:
    """What was declared about a dataset, newest version first, and what a final report still lacks."""
    declarations, user = services_of(request).declarations, require_user(request)
    dataset_id = str(request.path_params["dataset_id"])
    return json_response(
        {
            "current": declarations.current(user, dataset_id),
            "missing": declarations.missing(user, dataset_id),
            "history": declarations.history(user, dataset_id),
        }
    )


async def put_declarations(request: Request) -> JSONResponse:
    """Save a new version: `frameworks`, `answers`, and `base_version`, the version that they were changed from."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request, LARGEST_DECLARATIONS_BYTES)
    view = await run_in_threadpool(
        services_of(request).declarations.save,
        user,
        str(request.path_params["dataset_id"]),
        body.get("frameworks"),
        body.get("answers"),
        body.get("base_version"),
    )
    return json_response(view)


def get_commitment_key(request: Request) -> JSONResponse:
    """The key that lets an auditor who has the private file check what the reports say of it."""
    key = services_of(request).evidence.commitment_key(require_user(request), str(request.path_params["dataset_id"]))
    return json_response({"algorithm": "HMAC-SHA256", "key": key})


def list_reports(request: Request) -> JSONResponse:
    """All versions of a run's report, newest first."""
    return json_response(services_of(request).evidence.list(require_user(request), _run_id(request)))


async def make_report(request: Request) -> JSONResponse:
    """Make a new version: `final`, true or false, and `frameworks` and `edition` where wanted."""
    user = await run_in_threadpool(require_user, request)
    body = await read_json(request)
    return json_response(await run_in_threadpool(_make, request, user, body), 201)


def get_report(request: Request) -> JSONResponse:
    """One version, and whether a later one supersedes it."""
    return json_response(services_of(request).evidence.get(require_user(request), _report_id(request)))


def get_file(request: Request) -> StreamingResponse:
    """One file of a report, streamed."""
    user, kind = require_user(request), str(request.path_params["kind"])
    return file_response(services_of(request).evidence.open_file(user, _report_id(request), kind))


def get_package(request: Request) -> StreamingResponse:
    """The whole report with the synthetic table as one zip file, streamed."""
    return file_response(services_of(request).evidence.open_package(require_user(request), _report_id(request)))


async def verify(request: Request) -> JSONResponse:
    """Check the body, a PDF, a package or an evidence.json; `?filename=` is shown in the answer."""
    services = services_of(request)
    user = await run_in_threadpool(require_user, request)
    filename = request.query_params.get("filename", "")
    async with received_body(request, services.settings.max_upload_bytes) as path:
        return json_response(await run_in_threadpool(services.evidence.verify, path, filename, user))


def list_keys(request: Request) -> JSONResponse:
    """The public keys of this installation, for everybody."""
    return json_response(services_of(request).signing.list())


def rotate_keys(request: Request) -> JSONResponse:
    """Make new keys for all reports from now on; for administrators."""
    return json_response(services_of(request).signing.rotate(require_user(request)), 201)


def _make(request: Request, user: UserView, body: dict[str, Any]) -> Any:
    run_id = services_of(request).runs.get(user, _run_id(request)).id
    if unknown := sorted(set(body) - MAKE_CHOICES):
        raise InvalidInputError(f"{unknown[0]!r} is not a choice of a report: {', '.join(sorted(MAKE_CHOICES))}.")
    return services_of(request).evidence.make(
        user,
        run_id,
        final=body.get("final", False),
        frameworks=body.get("frameworks"),
        edition=body.get("edition"),
    )


def _run_id(request: Request) -> str:
    return str(request.path_params["run_id"])


def _report_id(request: Request) -> str:
    return str(request.path_params["report_id"])
