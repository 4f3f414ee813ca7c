"""The words of the tus protocol 1.0 as Supabase speaks it: headers, metadata, and refusals in plain text.

Texts and statuses are those of @tus/server, which supabase/storage puts behind /upload/resumable (its
src/http/routes/tus/ and src/test/tus.test.ts): the true HTTP status, a sentence as text/plain. Only a bad key or token
is refused as everywhere else, in JSON: there too the sign-in stands in front of tus.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import psycopg
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from maquette.embedded.storage.bodies import drain
from maquette.embedded.storage.faults import Fault, access_denied
from maquette.embedded.storage.service import service_of

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration"
OFFSET_STREAM = "application/offset+octet-stream"

MAX_METADATA = 16 * 1024

Endpoint = Callable[[Request, bool], Awaitable[Response]]
"""The flag: by a token in ``x-signature``, not by a key."""


class TusFault(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A refusal with its true HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class InterruptedFault(TusFault):
    """The request stopped in the midst of its body; whatever more of that comes is nobody's."""


def not_found() -> TusFault:
    """No such upload, or somebody else's: the same answer."""
    return TusFault(404, "The file for this url was not found\n")


def gone() -> TusFault:
    """It was there and has expired."""
    return TusFault(410, "The file for this url no longer exists\n")


def locked() -> TusFault:
    """Another request writes to this upload."""
    return TusFault(423, "The resource is locked")


def conflict() -> TusFault:
    """The client is wrong about how much is here; HEAD tells it."""
    return TusFault(409, "Upload-Offset conflict\n")


def beyond_length() -> TusFault:
    """More bytes than the upload was declared to have."""
    return TusFault(413, "upload's size exceeded\n")


def beyond_limit() -> TusFault:
    """More bytes than the bucket takes."""
    return TusFault(413, "Maximum size exceeded\n")


def in_tus(endpoint: Endpoint, *, signed: bool) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose answers, refusals too, are those of tus."""

    async def speak(request: Request) -> Response:
        if not signed:
            await _sign_in(request)
        try:
            check_version(request)
            response = await endpoint(request, signed)
        except InterruptedFault as refusal:
            response = _answer(refusal)
        except (TusFault, Fault, psycopg.errors.InsufficientPrivilege) as refusal:
            await drain(request)
            response = _answer(refusal)
        response.headers["Tus-Resumable"] = VERSION
        return response

    return speak


async def _sign_in(request: Request) -> None:
    try:
        service_of(request).caller(request)
    except Fault:
        await drain(request)
        raise


def _answer(refusal: Exception) -> Response:
    if isinstance(refusal, TusFault):
        return PlainTextResponse(refusal.text, refusal.status)
    fault = refusal if isinstance(refusal, Fault) else access_denied()
    return PlainTextResponse(fault.body["message"], int(fault.body["statusCode"]))


def check_version(request: Request) -> None:
    """Every request but OPTIONS names the protocol."""
    given = request.headers.get("tus-resumable")
    if given is None:
        raise TusFault(412, "Tus-Resumable Required\n")
    if given != VERSION:
        raise TusFault(400, "Invalid tus-resumable\n")


def read_length(request: Request) -> int:
    """Bytes of the whole upload. Files of a length yet unknown are not taken."""
    if "upload-concat" in request.headers:
        raise TusFault(
            501, "Concatenation extension is not (yet) supported. Disable parallel uploads in the tus client.\n"
        )
    if "upload-defer-length" in request.headers:
        raise TusFault(501, "creation-defer-length extension is not (yet) supported.\n")
    given = request.headers.get("upload-length")
    if given is None:
        raise TusFault(400, "Upload-Length or Upload-Defer-Length header required\n")
    return _number("upload-length", given)


def read_offset(request: Request) -> int:
    """Where the client believes to go on."""
    given = request.headers.get("upload-offset")
    if given is None:
        raise TusFault(403, "Upload-Offset header required\n")
    return _number("upload-offset", given)


def _number(header: str, given: str) -> int:
    if not re.fullmatch(r"\d{1,15}", given, re.ASCII):
        raise TusFault(400, f"Invalid {header}\n")
    return int(given)


def read_metadata(request: Request) -> dict[str, str]:
    """``Upload-Metadata``: pairs of a key and a base64 value; a key alone has the empty value."""
    given = request.headers.get("upload-metadata")
    if not given:
        raise TusFault(400, "Metadata header is required")
    invalid = TusFault(
        400, "Upload-Metadata is invalid: comma-separated pairs of a unique key and a base64 value, a space between\n"
    )
    if len(given) > MAX_METADATA:
        raise invalid
    read: dict[str, str] = {}
    for pair in given.split(","):
        key, _, value = pair.strip().partition(" ")
        if not key or key in read:
            raise invalid
        try:
            read[key] = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:  # no base64, no UTF-8, or letters beyond ASCII
            raise invalid from None
    return read


def http_time(seconds: float) -> str:
    """Unix seconds as headers have it."""
    return formatdate(seconds, usegmt=True)
