"""Who is calling: the one local owner, the holder of an API key, or a user signed in with Supabase."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from typing import Annotated, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection

from maquette.api.tokens import TokenVerifier
from maquette.errors import MaquetteError
from maquette.settings import BadSettingError, Connections, Settings

LOCAL_OWNER = UUID("00000000-0000-4000-8000-000000000001")
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


class Gate(Protocol):
    """Says whose call it is, or refuses it."""

    async def identify(self, connection: HTTPConnection) -> UUID:
        """The owner; raises an error with status 401 or 403."""


class LocalGate:
    """The one local owner, for programs on this machine only.

    The Host and Origin headers are looked at because a web page elsewhere can make a browser on this machine call a
    loopback address: under its own name (DNS rebinding) or as a plain cross-site form post, which CORS does not stop.
    """

    async def identify(self, connection: HTTPConnection) -> UUID:
        client = connection.client.host if connection.client else ""
        if not _is_loopback(client) or not _is_loopback(_host_of(f"//{connection.headers.get('host', '')}")):
            raise NotLocalError(
                "This server has no API keys, so it only answers programs on its own machine at a loopback address.",
                suggestion="Call http://127.0.0.1 on the machine itself, or start the server with MAQUETTE_API_KEYS.",
            )
        origin = connection.headers.get("origin")
        # Without an Origin (an image, a link) the browser itself says that another site is behind it.
        foreign = (
            connection.headers.get("sec-fetch-site") == "cross-site"
            if origin is None
            else not _is_loopback(_host_of(origin))
        )
        if foreign:
            raise CrossOriginError(
                "A web page of another site tried to call this server.",
                suggestion="Open the page from this machine, or start the server with MAQUETTE_API_KEYS.",
            )
        return LOCAL_OWNER


class KeyGate:
    """Whoever holds one of the API keys is the local owner."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    async def identify(self, connection: HTTPConnection) -> UUID:
        given = _credentials(connection)
        # Every key is compared, each in constant time: the time says nothing about how much of which one was right.
        matches = [secrets.compare_digest(given.encode(), key) for key in self._keys]
        if not any(matches):
            raise CredentialsWrongError("The API key is not valid here.", suggestion="Use one of MAQUETTE_API_KEYS.")
        return LOCAL_OWNER


class TokenGate:
    """A user signed in with Supabase Auth."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def identify(self, connection: HTTPConnection) -> UUID:
        owner = await self._verifier.subject(_credentials(connection))
        if owner is None:
            raise CredentialsWrongError(
                "The access token is not valid or has expired.", suggestion="Sign in again and send the new token."
            )
        return owner


def choose_gate(settings: Settings, connections: Connections) -> Gate:
    """The gate that fits the configuration. ``bad_setting`` for API keys beside Supabase, where users own projects."""
    keys = [key.get_secret_value() for key in settings.api_keys]
    if connections.embedded:
        return KeyGate(keys) if keys else LocalGate()
    if keys:
        raise BadSettingError(
            "MAQUETTE_API_KEYS is set beside Supabase, where projects belong to signed-in users and not to keys.",
            suggestion="Unset MAQUETTE_API_KEYS and call with Supabase access tokens.",
        )
    return TokenGate(TokenVerifier(connections.supabase_url, connections.jwt_secret))


_bearer = HTTPBearer(auto_error=False, description="An API key, or the access token of a Supabase user.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="One of MAQUETTE_API_KEYS.")


async def owner_of(
    request: Request, _b: Annotated[object, Security(_bearer)], _h: Annotated[object, Security(_header)]
) -> UUID:
    """The caller. Declares the security schemes for the docs; the gate itself reads the headers."""
    gate: Gate = request.app.state.service.gate
    return await gate.identify(request)


Owner = Annotated[UUID, Security(owner_of)]


SOCKET_PROTOCOL = "maquette"
_SOCKET_BEARER = "bearer."


def _credentials(connection: HTTPConnection) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else connection.headers.get("x-api-key", "").strip()
    if not given and connection.scope["type"] == "websocket":
        # A page cannot set headers of a WebSocket, and an address is written to logs: it offers the key as a protocol.
        offered = connection.scope["subprotocols"]
        keys = [one.removeprefix(_SOCKET_BEARER) for one in offered if one.startswith(_SOCKET_BEARER)]
        given = keys[0] if keys else ""
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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
