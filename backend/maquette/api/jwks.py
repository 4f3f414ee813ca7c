"""The public keys of a Supabase project's sign-in service: fetched when needed, kept, followed when they rotate."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from maquette.errors import UnavailableError
from maquette.settings import is_loopback

log = logging.getLogger("maquette.api")

FRESH_S = 600.0
"""A set of keys is fetched anew when it is older. A key that was removed there is accepted here for so long at most,
as long as the sign-in service answers; while it does not, the last set that it gave stays in use."""

PAUSE_S = 10.0
"""At least this long between two fetches. So a key that is new there is known here within 10 s of its first token,
and tokens with made-up key ids, or a service that is down, cause no more than one fetch in 10 s."""

TIMEOUT_S = 5.0
LARGEST_SET = 64 * 1024
SMALLEST_RSA_BITS = 2048


class SignInUnavailableError(UnavailableError):
    """The keys that prove who is calling cannot be fetched."""

    code = "sign_in_unavailable"


@dataclass(frozen=True)
class VerifyingKey:
    """A public key and the one algorithm it may be used with."""

    algorithm: str
    key: Any


class KeySet:
    """The keys at one address; safe to ask from many tasks of one event loop."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: Mapping[str, VerifyingKey] | None = None
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self, kid: str) -> VerifyingKey | None:
        """The key with this id, None where there is none; ``sign_in_unavailable`` where no keys were ever had."""
        if self._due(kid) or (self._fetching.locked() and self._lacks(kid)):
            # Whoever comes during another's fetch waits for what that one brings.
            async with self._fetching:
                if self._due(kid):
                    await self._fetch()
        if self._keys is None:
            raise SignInUnavailableError(
                "The sign-in service does not answer, so nobody can be recognised right now.",
                suggestion="Try again in a moment; `maquette db check` looks at SUPABASE_URL.",
            )
        return self._keys.get(kid)

    def _due(self, kid: str) -> bool:
        now = self._clock()
        if now - self._tried_at < PAUSE_S:
            return False
        return self._lacks(kid) or now - self._fetched_at > FRESH_S

    def _lacks(self, kid: str) -> bool:
        return self._keys is None or kid not in self._keys

    async def _fetch(self) -> None:
        self._tried_at = self._clock()
        try:
            # A client for the moment: this happens once in ten minutes. A proxy for the outer world must not catch
            # calls to a Supabase that runs on this very machine.
            outside = not is_loopback(urlsplit(self._url).hostname or "")
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=outside) as http,
                asyncio.timeout(TIMEOUT_S),
                http.stream("GET", self._url) as response,
            ):
                response.raise_for_status()
                self._keys = read_keys(await _bounded(response))
            self._fetched_at = self._tried_at
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            log.warning("the keys of the sign-in service could not be fetched: %s", type(error).__name__)


async def _bounded(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_SET:
            raise ValueError("the key set is too large")
    return body


def read_keys(text: bytes) -> dict[str, VerifyingKey]:
    """The usable keys of a JWK set (RFC 7517) by id; ValueError where it is none. Keys of other kinds are left out."""
    whole = json.loads(text)
    if not isinstance(whole, dict) or not isinstance(whole.get("keys"), list):
        raise ValueError("no JWK set")
    keys = {}
    for entry in whole["keys"]:
        algorithm = _algorithm_of(entry)
        if algorithm is None:
            continue
        try:
            key = jwt.PyJWK(entry, algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError):
            log.warning("the sign-in service shows a key that cannot be read")
            continue
        if isinstance(key, RSAPublicKey) and key.key_size < SMALLEST_RSA_BITS:
            log.warning("the sign-in service shows an RSA key that is too short to be trusted")
            continue
        keys[entry["kid"]] = VerifyingKey(algorithm, key)
    return keys


def _algorithm_of(entry: object) -> str | None:
    """By the key's own kind, never by what a token asks for; None for keys that sign nothing here."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    operations = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    if entry.get("kty") == "RSA":
        algorithm = "RS256"
    elif entry.get("kty") == "EC" and entry.get("crv") == "P-256":
        algorithm = "ES256"
    else:
        return None  # symmetric keys ("oct") have no place in a set that everybody can read
    return algorithm if entry.get("alg", algorithm) == algorithm else None
