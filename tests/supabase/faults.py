"""Storage's error answers: HTTP 400, with the true status and code inside (the table in WIRE.md)."""

from __future__ import annotations

from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Fault:
    """What an error's body names; ``status`` is a string there."""

    status: str
    error: str
    code: str


NO_SUCH_KEY = Fault("404", "not_found", "NoSuchKey")
NO_SUCH_BUCKET = Fault("404", "Bucket not found", "NoSuchBucket")
DUPLICATE = Fault("409", "Duplicate", "KeyAlreadyExists")
MIME_TYPE = Fault("415", "invalid_mime_type", "InvalidMimeType")
TOO_LARGE = Fault("413", "Payload too large", "EntityTooLarge")
UNAUTHORIZED = Fault("403", "Unauthorized", "AccessDenied")
INVALID_JWT = Fault("400", "InvalidJWT", "InvalidJWT")
INVALID_SIGNATURE = Fault("400", "InvalidSignature", "InvalidSignature")
INVALID_KEY = Fault("400", "InvalidKey", "InvalidKey")


def fault_of(answer: httpx.Response) -> Fault:
    """What an answer says went wrong. The body has a message too, and HTTP says 400 whatever the body says."""
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["message"], "an error must have a message"
    return Fault(body["statusCode"], body["error"], body["code"])
