"""Who asks a service of the embedded stack: its keys, and the users' tokens."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt

from maquette.settings import Connections

ROLES = ("anon", "authenticated", "service_role")

Refusal = Literal["malformed", "signature", "expired", "claims"]


class CredentialRefused(Exception):  # noqa: N818 - each service answers it in its own words
    """A key or token that opens nothing, and why."""

    def __init__(self, why: Refusal, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True)
class Keys:
    """What opens the services. Kept out of ``repr``."""

    secret: str = field(repr=False)
    publishable: str = field(repr=False)
    jwt_secret: str = field(repr=False)

    @classmethod
    def of(cls, connections: Connections) -> Keys:
        """The keys of an embedded stack."""
        if connections.jwt_secret is None:
            raise ValueError("this service belongs to the embedded stack, which always has a jwt_secret")
        return cls(connections.secret_key, connections.publishable_key, connections.jwt_secret)


@dataclass(frozen=True)
class Caller:
    """A database role and the claims that policies read."""

    role: str
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        """The user's id, None for the service and for nobody."""
        return str(self.claims["sub"]) if self.claims.get("sub") else None


SERVICE = Caller("service_role", {"role": "service_role"})
NOBODY = Caller("anon", {"role": "anon"})


def caller_by_credential(credential: str, keys: Keys) -> Caller:
    """The caller with the secret key, the publishable key or a user's JWT, else :class:`CredentialRefused`."""
    if _same(credential, keys.secret):
        return SERVICE
    if _same(credential, keys.publishable):
        return NOBODY
    try:
        claims = jwt.decode(
            credential,
            keys.jwt_secret,
            # Pinned: a token may not choose how it is verified.
            algorithms=["HS256"],
            options={"require": ["exp", "role"], "verify_aud": False},
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise CredentialRefused("signature", str(error)) from None
    except jwt.ExpiredSignatureError as error:
        raise CredentialRefused("expired", str(error)) from None
    except jwt.MissingRequiredClaimError as error:
        raise CredentialRefused("claims", str(error)) from None
    except jwt.InvalidTokenError as error:
        raise CredentialRefused("malformed", str(error)) from None
    if claims["role"] not in ROLES:
        raise CredentialRefused("claims", "The token names no role of this service")
    return Caller(claims["role"], claims)


def _same(given: str, known: str) -> bool:
    # surrogatepass: a header or query may hold anything, and must only be unequal, never an error.
    return hmac.compare_digest(given.encode(errors="surrogatepass"), known.encode())
