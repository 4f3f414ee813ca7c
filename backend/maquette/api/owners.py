"""Who is calling: the one local owner, the holder of a machine key, or a user signed in with Supabase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection

from maquette.api.jwks import KeySet
from maquette.api.keys import KeyRing
from maquette.api.tokens import TokenVerifier
from maquette.db.connection import Pool
from maquette.embedded import compat
from maquette.errors import MaquetteError
from maquette.machine_keys import MADE
from maquette.settings import Connections, Settings, is_loopback

LOCAL_OWNER = UUID(compat.LOCAL_OWNER)
"""Owns everything on an embedded stack."""


class CredentialsMissingError(MaquetteError):
    """The call carries no key and no token."""

    code = "credentials_missing"
    status = 401


class CredentialsWrongError(MaquetteError):
    """The key or token is not valid here."""

    code = "credentials_wrong"
    status = 401


class NotLocalError(MaquetteError):
    """Without API keys only programs on this machine are answered."""

    code = "not_local"
    status = 403


class CrossOriginError(MaquetteError):
    """Another web site tries to use this server through the visitor's browser."""

    code = "cross_origin"
    status = 403


@dataclass(frozen=True)
class Identity:
    """The caller, and until when that holds without asking the gate again, in seconds since 1970; None: always."""

    owner: UUID
    valid_until: float | None = None


class Gate(Protocol):
    """Says whose call it is, or refuses it."""

    @property
    def asks(self) -> bool:
        """Whether callers have to show credentials."""

    async def identify(self, connection: HTTPConnection) -> Identity:
        """The caller; raises an error with status 401, 403 or 503."""


class LocalGate:
    """The one local owner, for programs on this machine only; from elsewhere, or for somebody else, with a key.

    The Host and Origin headers are looked at because a web page elsewhere can make a browser on this machine call a
    loopback address: under its own name (DNS rebinding) or as a plain cross-site form post, which CORS does not stop.
    """

    asks = False

    def __init__(self, ring: KeyRing, origins: Sequence[str]) -> None:
        self._ring = ring
        self._origins = frozenset(origins)

    async def identify(self, connection: HTTPConnection) -> Identity:
        given = _credentials(connection)
        # Whoever gives a key means to be known by it: one that was revoked is refused, here as anywhere.
        if given.startswith(MADE):
            return await _by_key(self._ring, given)
        client = connection.client.host if connection.client else ""
        if not is_loopback(client) or not is_loopback(_host_of(f"//{connection.headers.get('host', '')}")):
            raise NotLocalError(
                "This server has no API keys, so it only answers programs on its own machine at a loopback address.",
                suggestion="Call http://127.0.0.1 on the machine itself, or start the server with MAQUETTE_API_KEYS.",
            )
        origin = connection.headers.get("origin")
        # Without an Origin (an image, a link) the browser itself says that another site is behind it.
        foreign = (
            connection.headers.get("sec-fetch-site") == "cross-site"
            if origin is None
            else origin not in self._origins and not is_loopback(_host_of(origin))
        )
        if foreign:
            raise CrossOriginError(
                "A web page of another site tried to call this server.",
                suggestion="Open the page from this machine, or name its origin in MAQUETTE_CORS_ORIGINS.",
            )
        return Identity(LOCAL_OWNER)


class KeyGate:
    """Whoever holds a machine key, anywhere."""

    asks = True

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def identify(self, connection: HTTPConnection) -> Identity:
        return await _by_key(self._ring, _required(connection))


class SupabaseGate:
    """A user signed in with Supabase Auth, or whoever holds a machine key of one."""

    asks = True

    def __init__(self, ring: KeyRing, verifier: TokenVerifier) -> None:
        self._ring = ring
        self._verifier = verifier

    async def identify(self, connection: HTTPConnection) -> Identity:
        given = _required(connection)
        holder = await self._ring.holder(given)
        if holder is not None:
            return Identity(holder.user, holder.valid_until)
        bearer = await self._verifier.verify(given)
        if bearer is None:
            raise CredentialsWrongError(
                "The key or access token is not valid or has expired.",
                suggestion="Sign in again and send the new token, or use a key of `maquette keys create`.",
            )
        return Identity(bearer.user, bearer.valid_until)


def choose_gate(settings: Settings, connections: Connections, pool: Pool) -> Gate:
    """The gate that fits the configuration."""
    owners = {key.sha256: LOCAL_OWNER if connections.embedded else key.owner for key in settings.api_keys}
    ring = KeyRing({sha256: owner for sha256, owner in owners.items() if owner is not None}, pool)
    if connections.embedded:
        return KeyGate(ring) if settings.api_keys else LocalGate(ring, settings.cors_origins)
    keys = KeySet(f"{connections.supabase_url}/auth/v1/.well-known/jwks.json")
    issuer = settings.jwt_issuer or f"{connections.supabase_url}/auth/v1"
    return SupabaseGate(ring, TokenVerifier(keys, issuer, connections.jwt_secret))


async def _by_key(ring: KeyRing, given: str) -> Identity:
    holder = await ring.holder(given)
    if holder is None:
        raise CredentialsWrongError(
            "The API key is not valid here.",
            suggestion="Use one of MAQUETTE_API_KEYS, or make one with `maquette keys create`.",
        )
    return Identity(holder.user, holder.valid_until)


_bearer = HTTPBearer(auto_error=False, description="A machine key, or the access token of a Supabase user.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="A machine key.")


async def owner_of(
    request: Request, _b: Annotated[object, Security(_bearer)], _h: Annotated[object, Security(_header)]
) -> UUID:
    """The caller. Declares the security schemes for the docs; the gate itself reads the headers."""
    gate: Gate = request.app.state.service.gate
    return (await gate.identify(request)).owner


Owner = Annotated[UUID, Security(owner_of)]


SOCKET_PROTOCOL = "maquette"
_SOCKET_BEARER = "bearer."


def _credentials(connection: HTTPConnection) -> str:
    """The key or token that a call carries, "" where it carries none."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else connection.headers.get("x-api-key", "").strip()
    if not given and connection.scope["type"] == "websocket":
        # A page cannot set headers of a WebSocket, and an address is written to logs: it offers the key as a protocol.
        offered = connection.scope["subprotocols"]
        keys = [one.removeprefix(_SOCKET_BEARER) for one in offered if one.startswith(_SOCKET_BEARER)]
        given = keys[0] if keys else ""
    return given


def _required(connection: HTTPConnection) -> str:
    given = _credentials(connection)
    if not given:
        raise CredentialsMissingError(
            "This server answers only with credentials.",
            suggestion="Send `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
        )
    return given


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
