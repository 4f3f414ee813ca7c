"""Signatures of Standard Webhooks (standardwebhooks.com, specification 1.0): HMAC-SHA256 with a time stamp.

Whoever receives a call checks it with any library of that standard, in most languages, or with :func:`verify`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

from maquette.errors import BadInputError

TOLERANCE_S = 300
"""How far the time stamp may lie off: an older call may be a copy that somebody kept."""

_PREFIX = "whsec_"


class BadSignatureError(BadInputError):
    """The call was not signed with this secret, was changed, or is old."""

    code = "bad_signature"


def headers(message_id: str, timestamp: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The headers of a call. ``timestamp`` in seconds since 1970; each secret signs, so that one may be changed."""
    signatures = " ".join(f"v1,{_sign(secret, message_id, timestamp, body)}" for secret in secrets)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures}


def verify(given: Mapping[str, str], body: bytes, secret: str, now: float) -> str:
    """The id of a call that holds: drop those you have seen, for a call may come twice. Else `bad_signature`.

    ``given``: its headers, names in small letters; ``body``: its bytes as they came, before anything parses them.
    """
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise _bad("it has no webhook-id or no webhook-timestamp")
    if abs(now - int(stamp)) > TOLERANCE_S:
        raise _bad("its time stamp lies more than five minutes off")
    wanted = _sign(secret, message_id, int(stamp), body)
    for signature in given.get("webhook-signature", "").split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value.encode(), wanted.encode()):
            return message_id
    raise _bad("no signature of it was made with this secret")


def _sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise _bad("the secret is not whsec_ and base64") from None
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _bad(why: str) -> BadSignatureError:
    return BadSignatureError(
        f"The call cannot be trusted: {why}.",
        suggestion="Check the secret, your clock, and that the body is unchanged.",
    )
