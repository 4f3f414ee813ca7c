"""Nobody gets in without being known, and nobody sees another's projects."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.requests import HTTPConnection

from maquette.api.app import create_app
from maquette.api.owners import CredentialsMissingError, CredentialsWrongError, TokenGate
from maquette.api.tokens import SignInUnavailableError, TokenVerifier
from maquette.settings import BadSettingError, Connections, Settings

OPEN_PATHS = {"/api/v1/health", "/api/v1/openapi.json"}


@pytest.fixture
def keyed(settings: Settings, serve_again: Any) -> Iterator[str]:
    with serve_again(settings.model_copy(update={"api_keys": _secrets("first-key", "second-key")})) as url:
        yield url


def _secrets(*keys: str) -> Any:
    return Settings(api_keys=",".join(keys), database_url=None).api_keys  # type: ignore[arg-type]


def test_every_route_refuses_without_credentials(keyed: str) -> None:
    paths = httpx.get(f"{keyed}/api/v1/openapi.json", trust_env=False).json()["paths"]
    tried = 0
    for path, operations in paths.items():
        for method in operations:
            if path in OPEN_PATHS:
                continue
            url = keyed + path.replace("{project_id}", str(uuid.uuid4())).replace("{run_id}", str(uuid.uuid4()))
            answer = httpx.request(method.upper(), url.replace("{version}", "0"), trust_env=False)
            assert answer.status_code == 401, f"{method} {path} answered {answer.status_code}"
            assert answer.json()["error"]["code"] == "credentials_missing"
            assert answer.headers["www-authenticate"] == "Bearer"
            tried += 1
    assert tried >= 22


def test_no_route_is_hidden_from_that_walk(settings: Settings, connections: Connections) -> None:
    """Routes outside the schema need no owner, so there may be only these."""
    app = create_app(settings, connections)
    shown = set(app.openapi()["paths"])
    hidden = {path for path in _paths(app.routes) if path not in shown}
    assert hidden == {
        "/",
        "/api/v1/openapi.json",
        "/docs",
        "/docs/oauth2-redirect",
        "/api/v1/docs",
        "/static-offline-docs",
    }


def _paths(routes: Any) -> Iterator[str]:
    for route in routes:
        if hasattr(route, "path"):
            yield route.path
        elif hasattr(route, "original_router"):
            for inner in route.original_router.routes:
                yield "/api/v1" + inner.path


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first-key"},
        {"Authorization": "bearer second-key"},
        {"X-API-Key": "second-key"},
    ],
)
def test_a_key_opens(keyed: str, headers: dict[str, str]) -> None:
    assert httpx.get(f"{keyed}/api/v1/projects", headers=headers, trust_env=False).status_code == 200
    from_outside = {**headers, "Host": "maquette.example"}
    assert httpx.get(f"{keyed}/api/v1/projects", headers=from_outside, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first-keY"},
        {"Authorization": "Bearer first-key,second-key"},
        {"X-API-Key": "k"},
        {"X-API-Key": b"\xff\xfe"},
    ],
)
def test_a_wrong_key_does_not(keyed: str, headers: dict[str, Any]) -> None:
    answer = httpx.get(f"{keyed}/api/v1/projects", headers=headers, trust_env=False)
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "credentials_wrong"


def test_health_and_docs_are_open(keyed: str) -> None:
    assert httpx.get(f"{keyed}/api/v1/health", trust_env=False).status_code == 200
    assert httpx.get(f"{keyed}/docs", trust_env=False).status_code == 200


class TestWithoutKeys:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.1:9", "localhost:8400"])
    def test_local_names_are_answered(self, address: str, host: str) -> None:
        assert httpx.get(f"{address}/api/v1/projects", headers={"Host": host}, trust_env=False).status_code == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "localhost@evil.example"]
    )
    def test_other_names_are_not(self, address: str, host: str) -> None:
        answer = httpx.get(f"{address}/api/v1/projects", headers={"Host": host}, trust_env=False)
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "not_local"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
    def test_other_sites_are_not(self, address: str, origin: str) -> None:
        """A form of another site can post photos without asking CORS first."""
        answer = httpx.post(
            f"{address}/api/v1/upload", headers={"Origin": origin}, files={"file": b"x"}, trust_env=False
        )
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "cross_origin"

    def test_not_as_images_in_pages_of_other_sites(self, address: str) -> None:
        headers = {"Sec-Fetch-Site": "cross-site"}
        answer = httpx.get(f"{address}/api/v1/projects", headers=headers, trust_env=False)
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "cross_origin"

    def test_own_pages_are(self, address: str) -> None:
        headers = {"Origin": "http://localhost:5173", "Sec-Fetch-Site": "cross-site"}
        answer = httpx.get(f"{address}/api/v1/projects", headers=headers, trust_env=False)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers

    async def test_other_machines_are_not(self, settings: Settings, connections: Connections) -> None:
        app = create_app(settings, connections)
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 4000))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            answer = await client.get("/api/v1/projects")
        assert answer.status_code == 403 and answer.json()["error"]["code"] == "not_local"


def test_another_owners_things_are_not_found(api: httpx.Client, worker: Any, generated: str) -> None:
    run_id = api.get(f"/projects/{generated}/runs").json()["items"][0]["id"]
    other = uuid.uuid4()
    worker.sql("insert into auth.users (id) values (%s)", other)
    worker.sql("update projects set owner_id = %s where id = %s", other, generated)
    for path in ("/projects/{}", "/status/{}", "/projects/{}/models", "/projects/{}/events", "/export/{}"):
        assert api.get(path.format(generated)).json()["error"]["code"] == "project_not_found"
    for path in ("/generate/{}", "/refine/{}", "/export/{}", "/projects/{}/models/0/promote"):
        assert api.post(path.format(generated)).json()["error"]["code"] == "project_not_found"
    assert api.delete(f"/projects/{generated}").status_code == 404
    assert api.get(f"/runs/{run_id}").json()["error"]["code"] == "run_not_found"
    assert api.post(f"/runs/{run_id}/cancel", json={"confirm": True}).status_code == 404
    assert generated not in api.get("/projects", params={"limit": 500}).text


def test_keys_beside_supabase_are_a_clear_mistake(settings: Settings, connections: Connections) -> None:
    hosted = replace(connections, embedded=False)
    with pytest.raises(BadSettingError, match="MAQUETTE_API_KEYS"):
        create_app(settings.model_copy(update={"api_keys": _secrets("k")}), hosted)


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return {
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "RS256": rsa.generate_private_key(65537, 2048),
        "stranger": ec.generate_private_key(ec.SECP256R1()),
    }


@pytest.fixture(scope="module")
def auth(keys: dict[str, Any]) -> Iterator[dict[str, Any]]:
    served: dict[str, Any] = {"fetched": 0}
    sets = [
        {**json.loads(ECAlgorithm.to_jwk(keys["ES256"].public_key())), "kid": "e", "alg": "ES256", "use": "sig"},
        {**json.loads(RSAAlgorithm.to_jwk(keys["RS256"].public_key())), "kid": "r", "alg": "RS256", "use": "sig"},
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served["fetched"] += 1
            body = json.dumps({"keys": sets}).encode()
            self.send_response(200 if self.path == "/auth/v1/.well-known/jwks.json" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served["url"] = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


class TestTokens:
    """Supabase's access tokens, with real keys and a real key set over HTTP."""

    USER = uuid.uuid4()

    @pytest.fixture
    def identify(self, auth: dict[str, Any]) -> Callable[[str], Any]:
        gate = TokenGate(TokenVerifier(auth["url"], "a legacy secret of at least 32 bytes"))
        return lambda token: gate.identify(_call(token))

    def token(self, key: Any, algorithm: str, kid: str | None, **claims: Any) -> str:
        whole = {"sub": str(self.USER), "aud": "authenticated", "role": "authenticated", "exp": time.time() + 60}
        whole = {name: value for name, value in {**whole, **claims}.items() if value is not None}
        return jwt.encode(whole, key, algorithm, headers={"kid": kid} if kid else None)

    async def test_good_ones(self, keys: dict[str, Any], auth: dict[str, Any], identify: Any) -> None:
        before = auth["fetched"]
        for _ in range(3):
            assert await identify(self.token(keys["ES256"], "ES256", "e")) == self.USER
            assert await identify(self.token(keys["RS256"], "RS256", "r")) == self.USER
            assert await identify(self.token("a legacy secret of at least 32 bytes", "HS256", None)) == self.USER
        assert auth["fetched"] == before + 1, "the key set is cached"

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": time.time() - 60},
            {"exp": None},
            {"aud": "anon"},
            {"aud": None},
            {"sub": None},
            {"sub": "no-uuid"},
            {"role": "service_role"},
            {"role": None},
            {"nbf": time.time() + 600},
        ],
    )
    async def test_wrong_claims(self, keys: dict[str, Any], identify: Any, claims: dict[str, Any]) -> None:
        with pytest.raises(CredentialsWrongError):
            await identify(self.token(keys["ES256"], "ES256", "e", **claims))

    async def test_wrong_signatures(self, keys: dict[str, Any], auth: dict[str, Any], identify: Any) -> None:
        good = self.token(keys["ES256"], "ES256", "e")
        header, body, signature = good.split(".")
        unsigned = jwt.encode({"sub": str(self.USER), "aud": "authenticated"}, None, "none")
        # The public key, which everybody knows, taken as the secret of an HMAC. PyJWT itself refuses to make this one.
        public = str(ECAlgorithm.to_jwk(keys["ES256"].public_key()))
        forged = f"{_base64(json.dumps({'alg': 'HS256', 'kid': 'e'}).encode())}.{body}"
        for bad in (
            self.token(keys["stranger"], "ES256", "e"),
            self.token(keys["ES256"], "ES256", "r"),
            self.token(keys["ES256"], "ES256", "unknown"),
            f"{forged}.{_base64(hmac.digest(public.encode(), forged.encode(), 'sha256'))}",
            self.token("another secret of at least 32 bytes", "HS256", None),
            unsigned,
            f"{header}.{body}.",
            f"{header}.{body[:-2]}.{signature}",
            "nonsense",
            "a.b.c",
        ):
            with pytest.raises(CredentialsWrongError):
                await identify(bad)
        with pytest.raises(CredentialsMissingError):
            await identify("")

    async def test_no_legacy_secret_no_hs256(self, auth: dict[str, Any]) -> None:
        verifier = TokenVerifier(auth["url"], None)
        assert await verifier.subject(self.token("a legacy secret of at least 32 bytes", "HS256", None)) is None

    async def test_made_up_key_ids_do_not_hammer_the_sign_in_service(
        self, keys: dict[str, Any], auth: dict[str, Any]
    ) -> None:
        verifier = TokenVerifier(auth["url"], None)
        before = auth["fetched"]
        for number in range(20):
            assert await verifier.subject(self.token(keys["ES256"], "ES256", f"made-up-{number}")) is None
        assert auth["fetched"] - before <= 3

    async def test_sign_in_service_down(self, keys: dict[str, Any]) -> None:
        verifier = TokenVerifier("http://127.0.0.1:1", None)
        with pytest.raises(SignInUnavailableError):
            await verifier.subject(self.token(keys["ES256"], "ES256", "e"))


def _call(token: str) -> HTTPConnection:
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    return HTTPConnection({"type": "http", "headers": headers})


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
