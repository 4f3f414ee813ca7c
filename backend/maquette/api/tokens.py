"""Access tokens of Supabase Auth: signature by JWKS (ES256, RS256) or by the legacy shared secret (HS256)."""

from __future__ import annotations

import asyncio
from uuid import UUID

import jwt

from maquette.errors import UnavailableError

_ALGORITHM_OF_KEY = {"EC": "ES256", "RSA": "RS256"}
_FETCH_TIMEOUT_S = 5.0


class SignInUnavailableError(UnavailableError):
    """The keys that prove who is calling cannot be fetched."""

    code = "sign_in_unavailable"


class TokenVerifier:
    """Holds the key set of one Supabase project; fetched when first needed, then cached."""

    def __init__(self, supabase_url: str, jwt_secret: str | None) -> None:
        self._secret = jwt_secret
        # PyJWT waits `cooldown_duration` before it fetches again for an unknown key id, so that tokens with made-up
        # ids cannot make this server hammer the auth service.
        self._keys = jwt.PyJWKClient(
            f"{supabase_url}/auth/v1/.well-known/jwks.json", lifespan=600, timeout=_FETCH_TIMEOUT_S
        )

    async def subject(self, token: str) -> UUID | None:
        """The user a token belongs to, None where it is not valid; ``sign_in_unavailable`` when no keys can be had."""
        try:
            algorithm = str(jwt.get_unverified_header(token).get("alg"))
            if algorithm == "HS256":
                # Only ever with the shared secret: a public key must never be used as an HMAC secret.
                return _user(token, self._secret, "HS256") if self._secret else None
            if algorithm not in _ALGORITHM_OF_KEY.values():
                return None
            # PyJWKClient fetches with urllib: in a thread, so that a slow auth service blocks nobody else.
            key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            if _ALGORITHM_OF_KEY.get(str(key.key_type)) != algorithm:
                return None
            return _user(token, key.key, algorithm)
        except jwt.PyJWKClientConnectionError as error:
            raise SignInUnavailableError(
                "The sign-in service does not answer, so nobody can be recognised right now.",
                suggestion="Try again in a moment.",
            ) from error
        except (jwt.PyJWTError, ValueError):
            return None


def _user(token: str, key: object, algorithm: str) -> UUID | None:
    claims = jwt.decode(
        token,
        key,  # type: ignore[arg-type]  # a key of cryptography, or the secret's text
        algorithms=[algorithm],
        audience="authenticated",
        leeway=10,
        options={"require": ["exp", "sub", "aud"]},
    )
    return UUID(str(claims["sub"])) if claims.get("role") == "authenticated" else None
