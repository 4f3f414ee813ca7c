"""What the service answers when it refuses. HTTP says 400 almost always; the true code stands in the body."""

from __future__ import annotations

import errno
import logging

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

log = logging.getLogger(__name__)


class Fault(Exception):  # noqa: N818 - an answer, not a failure of ours
    """One refusal: the code inside, a word, a sentence, a stable code, and the HTTP status around it."""

    def __init__(self, status_code: int, error: str, message: str, code: str, http_status: int = 400) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.body = {"statusCode": str(status_code), "error": error, "message": message, "code": code}


def no_such_key() -> Fault:
    """Not there, or not to be seen by this caller: the same answer."""
    return Fault(404, "not_found", "Object not found", "NoSuchKey")


def no_such_bucket() -> Fault:
    """No bucket of this name, or a private one asked for as public."""
    return Fault(404, "Bucket not found", "Bucket not found", "NoSuchBucket")


def already_exists() -> Fault:
    """The key is taken and nobody asked to overwrite."""
    return Fault(409, "Duplicate", "The resource already exists", "KeyAlreadyExists")


def mime_not_allowed(mime: str) -> Fault:
    """The bucket does not take this type."""
    return Fault(415, "invalid_mime_type", f"mime type {mime} is not supported", "InvalidMimeType")


def too_large() -> Fault:
    """More bytes than the bucket takes."""
    return Fault(413, "Payload too large", "The object exceeded the maximum allowed size", "EntityTooLarge")


def access_denied(message: str = "new row violates row-level security policy") -> Fault:
    """A bad key or token, or row security said no."""
    return Fault(403, "Unauthorized", message, "AccessDenied")


def invalid_token(message: str) -> Fault:
    """A signed address that was altered or is over."""
    return Fault(400, "InvalidJWT", message, "InvalidJWT")


def invalid_signature() -> Fault:
    """A good token, but of another object or purpose."""
    return Fault(400, "InvalidSignature", "The signature does not match this object", "InvalidSignature")


def invalid_key(key: str) -> Fault:
    """A key that no store should be asked to keep."""
    return Fault(400, "InvalidKey", f"Invalid key: {key[:200]!a}", "InvalidKey")


def invalid_request(message: str) -> Fault:
    """A body or parameter that makes no sense."""
    return Fault(400, "invalid_request", message, "InvalidRequest")


async def answer_fault(request: Request, exc: Exception) -> Response:
    """A refusal as JSON."""
    fault = exc if isinstance(exc, Fault) else access_denied()
    return JSONResponse(fault.body, fault.http_status)


async def answer_refused(request: Request, exc: Exception) -> Response:
    """Postgres refused by privilege or row security."""
    return await answer_fault(request, access_denied())


async def answer_database_away(request: Request, exc: Exception) -> Response:
    """The database is restarting or out of connections: the client may try again."""
    log.warning("%s %s: %s", request.method, request.url.path, type(exc).__name__)
    return await answer_fault(
        request, Fault(503, "database_unavailable", "The database is not available", "DatabaseError", 503)
    )


async def answer_disk(request: Request, exc: Exception) -> Response:
    """The disk is full or fails."""
    log.error("%s %s: %s", request.method, request.url.path, exc)
    full = isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT)
    message = "There is no space left for objects" if full else "The object could not be read or written"
    return await answer_fault(request, Fault(500, "internal", message, "InternalError", 500))


async def answer_odd_text(request: Request, exc: Exception) -> Response:
    """Text that Postgres cannot hold, such as a zero byte or half a surrogate pair, or a number beyond its types."""
    return await answer_fault(request, invalid_request("The request holds text or numbers that cannot be stored"))


async def answer_unexpected(request: Request, exc: Exception) -> Response:
    """A fault of ours. The log gets the trace, for the server around it says no more than that there was one."""
    return await answer_fault(request, Fault(500, "internal", "Internal server error", "InternalError", 500))


HANDLERS = {
    Exception: answer_unexpected,
    Fault: answer_fault,
    UnicodeEncodeError: answer_odd_text,
    psycopg.DataError: answer_odd_text,
    OSError: answer_disk,
    psycopg.errors.InsufficientPrivilege: answer_refused,
    psycopg.OperationalError: answer_database_away,
    PoolTimeout: answer_database_away,
}
