"""What a browser asks of Supabase Auth, answered beside the page, with tokens that the server believes."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Route

from tests.api.supabase import LittleSupabase

LIFETIME_S = 3600


class SignIn:
    """Password and e-mail link (GoTrue's ``/token`` and ``/otp``, the latter with PKCE) of the people it knows."""

    def __init__(self, little: LittleSupabase) -> None:
        self._little = little
        self._people: dict[str, tuple[uuid.UUID, str]] = {}
        self._challenges: dict[str, tuple[str, str]] = {}
        self.projects: dict[str, str] = {}
        """Ids of their projects."""
        self.mailed: list[str] = []
        """The links of the mails that were sent."""

    def know(self, email: str, password: str, user: uuid.UUID) -> None:
        self._people[email] = (user, password)

    def answer(self, context: BrowserContext) -> None:
        """For all pages of a context."""
        context.route(f"{self._little.url}/auth/v1/**", self._answer)

    def token(self, user: uuid.UUID, email: str) -> str:
        return self._little.token(user, exp=int(time.time()) + LIFETIME_S, email=email)

    def _answer(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        body: dict[str, Any] = route.request.post_data_json or {}
        match address.path.removeprefix("/auth/v1/"), query.get("grant_type"):
            case "otp", _:
                code = uuid.uuid4().hex
                self._challenges[code] = (body["email"], body["code_challenge"])
                self.mailed.append(f"{query['redirect_to']}&code={code}")
                say(route, 200, {})
            case "token", "password" if self._people.get(body["email"], (None, None))[1] == body["password"]:
                say(route, 200, self._session(body["email"]))
            case "token", "pkce":
                email, challenge = self._challenges.pop(body["auth_code"], ("", ""))
                verified = base64.urlsafe_b64encode(hashlib.sha256(body["code_verifier"].encode()).digest())
                if verified.decode().rstrip("=") == challenge:
                    say(route, 200, self._session(email))
                else:
                    say(route, 400, {"code": "bad_code_verifier", "message": "no"})
            case "logout", _:
                say(route, 204, None)
            case _:
                say(route, 400, {"code": "invalid_credentials", "message": "no"})

    def _session(self, email: str) -> dict[str, Any]:
        user, _ = self._people[email]
        return {
            "access_token": self.token(user, email),
            "token_type": "bearer",
            "expires_in": LIFETIME_S,
            "expires_at": int(time.time()) + LIFETIME_S,
            "refresh_token": uuid.uuid4().hex,
            "user": {"id": str(user), "email": email, "aud": "authenticated", "role": "authenticated"},
        }


def say(route: Route, status: int, body: Any) -> None:
    # By the version auth-js knows where an error's code stands.
    headers = {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "X-Supabase-Api-Version",
        "x-supabase-api-version": "2024-01-01",
    }
    if body is None:
        route.fulfill(status=status, headers=headers)
    else:
        route.fulfill(status=status, headers=headers, json=body)
