"""Every error answer has one shape: ``{"error": {"code", "message", "details", "suggestion"}}``."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from maquette.api.paths import loggable
from maquette.api.rejections import InvalidParametersError, describe_validation, missing_for_malformed_id, sayable
from maquette.db.connection import TABLE_CHANGED, DatabaseUnreachableError
from maquette.errors import MaquetteError, NotFoundError, TooLargeError, UnavailableError

log = logging.getLogger("maquette.api")


class ErrorBody(BaseModel):
    """What went wrong and what to do."""

    code: str = Field(description="Stable, snake_case: programs may decide by it.", examples=["project_not_found"])
    message: str = Field(
        description="One sentence for the person who called.",
        examples=["There is no project 00000000-0000-4000-8000-0000000000aa."],
    )
    details: dict[str, Any] = Field(
        default_factory=dict,
        description="Facts that belong to the code, such as the field and its bound.",
        examples=[{}],
    )
    suggestion: str = Field(
        "", description="What to do about it.", examples=["Check the id with GET /api/v1/projects."]
    )


class Error(BaseModel):
    """The one shape of every error answer."""

    error: ErrorBody


class UnknownRouteError(NotFoundError):
    """No such address."""

    code = "unknown_route"


class MethodNotAllowedError(MaquetteError):
    """The address exists, but not for this method."""

    code = "method_not_allowed"
    status = 405


class InternalError(MaquetteError):
    """A fault of ours; what it was stands in the log beside the id."""


class CollisionError(UnavailableError):
    """A deadlock or a lock not to be had: the database undid this call for another one."""

    code = "collision"


class BodyTooLargeError(TooLargeError):
    """A request body that should be a few lines of JSON is not."""

    code = "body_too_large"


_MEANING = {
    401: "No or wrong credentials: `credentials_missing`, `credentials_wrong`, `owner_gone`.",
    403: "Not from here: `not_local`, `cross_origin`.",
    404: "No such thing, or not yours.",
    408: "The body stopped coming: `upload_stalled`.",
    409: "The call does not fit the state of things.",
    410: "It was there, and is no more: `file_removed`, `share_revoked`, `share_expired`.",
    413: "More bytes or files than allowed; `details` names the limit.",
    422: "The request or its files cannot be used as they are; `details` names the field and its bound.",
    429: "Too many calls of this kind lately: `rate_limited`; Retry-After says how long to wait.",
    500: "A fault of ours: `internal_error`, with the id it is logged under.",
    503: "Something needed is not there right now: `database_unreachable`, `disk_low`, `disk_full`, `too_many_runs`;"
    " the header Retry-After says when to try again.",
}

RETRY_AFTER = {
    "description": "Seconds after which the same call may work, where waiting helps.",
    "schema": {"type": "integer"},
    "example": 60,
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of error answers; 401, 403, 422, 500 and 503 belong to every call."""
    wanted = sorted({401, 403, 422, 500, 503, *statuses})
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": Error, "description": _MEANING[status]} for status in wanted
    }
    for status in {429, 503} & answers.keys():
        answers[status]["headers"] = {"Retry-After": RETRY_AFTER}
    return answers


def status_of(error: Mapping[str, Any]) -> int:
    """The HTTP status of a stored error: as it was stored, else by its code, else 500."""
    stored = error.get("status")
    if isinstance(stored, int) and 400 <= stored <= 599:
        return stored
    kinds = [MaquetteError]
    for kind in kinds:
        if kind.code == error.get("code"):
            return kind.status
        kinds.extend(kind.__subclasses__())
    return 500


def answer(error: MaquetteError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error as an HTTP answer."""
    return JSONResponse({"error": sayable(error.as_dict())}, status_code=error.status, headers=headers)


def register(app: FastAPI) -> None:
    """Make every error of ``app`` answer in the one shape."""
    app.add_exception_handler(MaquetteError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(psycopg.OperationalError, _database)
    app.add_exception_handler(TABLE_CHANGED, _database)
    app.add_exception_handler(ClientDisconnect, _gone)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MaquetteError)  # noqa: S101 - registered for this class only
    if error.status >= 500:
        log.warning("%s %s answers %d %s", request.method, loggable(request.url.path), error.status, error.code)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return answer(error, headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    problems = error.errors()
    return answer(missing_for_malformed_id(problems) or describe_validation(problems))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == 404:
        return answer(
            UnknownRouteError(f"There is nothing at {request.url.path}.", suggestion="See /docs for every call.")
        )
    if error.status_code == 405:
        allowed = _methods(request)
        return answer(
            MethodNotAllowedError(
                f"{request.url.path} does not take {request.method}.",
                suggestion=f"Use {' or '.join(allowed)}; see /docs for every call.",
                allowed=allowed,
            ),
            {"Allow": ", ".join(allowed)},
        )
    if error.status_code == 400:
        # FastAPI's word for a body that breaks off, or holds numbers or nesting beyond what its parser takes.
        return answer(
            InvalidParametersError(
                f"The request cannot be read: {error.detail}.",
                suggestion="Send JSON with Content-Type: application/json; see /docs for what the call takes.",
            )
        )
    body = ErrorBody(code="bad_request", message=str(error.detail), suggestion="See /docs for what the call takes.")
    return JSONResponse({"error": body.model_dump()}, status_code=error.status_code, headers=error.headers)


def _methods(request: Request) -> list[str]:
    """The methods that an address takes; the refusal itself only knows those of the first route there."""
    return [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


async def _database(request: Request, error: Exception) -> JSONResponse:
    """Connection trouble is 503; a statement that the server refused for another reason is our fault."""
    assert isinstance(error, psycopg.OperationalError | TABLE_CHANGED)  # noqa: S101 - registered for these only
    state = error.sqlstate or ""
    if state[:2] in {"40", "55"} or isinstance(error, TABLE_CHANGED):
        return answer(
            CollisionError(
                "Something else changed the same thing at the same moment; nothing was changed by this call.",
                suggestion="Repeat the call.",
            ),
            {"Retry-After": "1"},
        )
    # 08 connection, 53 no resources, 57P shutdown; anything else that the server refuses is our fault.
    if state and state[:2] not in {"08", "53"} and not state.startswith("57P"):
        return unexpected(request.method, request.url.path, error)
    log.warning("%s %s: database unreachable: %s", request.method, loggable(request.url.path), type(error).__name__)
    return answer(
        DatabaseUnreachableError(
            "The database does not answer right now; nothing was changed.",
            suggestion="Try again in a moment; GET /api/v1/health shows what is missing.",
        ),
        {"Retry-After": "5"},
    )


async def _gone(request: Request, error: Exception) -> JSONResponse:
    log.info("%s %s: the client went away", request.method, loggable(request.url.path))
    return answer(MaquetteError("The client went away before its request was complete."))


def unexpected(method: str, path: str, error: Exception) -> JSONResponse:
    """The answer to a fault of ours: an id, under which the log holds the rest."""
    error_id = uuid.uuid4().hex[:12]
    log.error("internal error %s at %s %s", error_id, method, loggable(path), exc_info=error)
    return answer(
        InternalError(
            "Something went wrong on the server; your data is as it was.",
            suggestion=f"Try again; if it stays, report the id {error_id}, which the server's log explains.",
            error_id=error_id,
        )
    )
