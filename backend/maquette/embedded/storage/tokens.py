"""Tokens of signed addresses: for one object, one purpose, a while."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Literal

import jwt

from maquette.embedded.storage.callers import Keys
from maquette.embedded.storage.faults import invalid_signature, invalid_token

Scope = Literal["download", "upload"]


@dataclass(frozen=True)
class Grant:
    """What a token allows."""

    owner: str | None
    upsert: bool


def _key(keys: Keys) -> bytes:
    # Derived, so that a signed address can never pass for a user's session, nor the other way round.
    return hmac.digest(keys.jwt_secret.encode(), b"maquette signed object url", hashlib.sha256)


def sign(
    keys: Keys,
    scope: Scope,
    bucket: str,
    key: str,
    seconds: int,
    *,
    owner: str | None = None,
    upsert: bool = False,
) -> str:
    """A token for one object."""
    now = int(time.time())
    claims: dict[str, object] = {"url": f"{bucket}/{key}", "scope": scope, "iat": now, "exp": now + seconds}
    if scope == "upload":
        claims |= {"owner": owner, "upsert": upsert}
    return jwt.encode(claims, _key(keys), algorithm="HS256")


def verify(keys: Keys, scope: Scope, bucket: str, key: str, token: str) -> Grant:
    """What the token allows here, or a fault."""
    try:
        claims = jwt.decode(token, _key(keys), algorithms=["HS256"], options={"require": ["exp", "url", "scope"]})
    except jwt.InvalidTokenError as error:
        raise invalid_token(str(error)) from None
    if claims["url"] != f"{bucket}/{key}" or claims["scope"] != scope:
        raise invalid_signature()
    return Grant(claims.get("owner"), bool(claims.get("upsert")))
