"""Access tokens of Supabase Auth: signature by JWKS (ES256, RS256) or by the legacy shared secret (HS256)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import jwt

from maquette.api.jwks import KeySet

LEEWAY_S = 10
"""How far the clocks of the sign-in service and this server may differ."""

LONGEST = 8192
"""Characters of a token. Supabase's own have some 1,000; anything longer is not looked at."""

ROLE = AUDIENCE = "authenticated"
"""Whom we take for a user. Supabase's anonymous sign-ins have this role too and are users like others: with an id of
their own, which owns what they make. The role `anon` is that of the publishable key, which is nobody."""


@dataclass(frozen=True)
class Bearer:
    """The user a token belongs to, and until when, in seconds since 1970, leeway included."""

    user: UUID
    valid_until: float


class TokenVerifier:
    """Verifies the tokens of one Supabase project."""

    def __init__(self, keys: KeySet, issuer: str, legacy_secret: str | None) -> None:
        self._keys = keys
        self._issuer = issuer
        self._secret = legacy_secret

    async def verify(self, token: str) -> Bearer | None:
        """Whose token it is, None where it is not valid; ``sign_in_unavailable`` when no keys can be had."""
        if len(token) > LONGEST:
            return None
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") == "HS256":
                # Only ever with the shared secret: a public key must never be used as an HMAC secret.
                return self._read(token, self._secret, "HS256") if self._secret else None
            kid = header.get("kid")
            if not isinstance(kid, str) or header.get("alg") not in ("ES256", "RS256"):
                return None
            found = await self._keys.find(kid)
            # The key says which algorithm it is for; PyJWT refuses a token that asks for another.
            return self._read(token, found.key, found.algorithm) if found else None
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
            # RecursionError: JSON nested a thousand deep takes no signature to send, and older PyJWT does not catch it.
            return None

    def _read(self, token: str, key: object, algorithm: str) -> Bearer | None:
        claims = jwt.decode(
            token,
            key,  # type: ignore[arg-type]  # a key of cryptography, or the secret's text
            algorithms=[algorithm],
            audience=AUDIENCE,
            issuer=self._issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "sub", "aud", "iss"]},
        )
        if claims.get("role") != ROLE:
            return None
        return Bearer(UUID(str(claims["sub"])), float(claims["exp"]) + LEEWAY_S)
