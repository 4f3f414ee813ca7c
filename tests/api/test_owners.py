"""Nobody gets in without being known, and nobody sees another's projects."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from maquette.api.app import create_app
from maquette.api.web import PAGES
from maquette.settings import Connections, Settings

OPEN_PATHS = {
    "/api/v1/health",
    "/api/v1/ready",
    "/api/v1/openapi.json",
    "/api/v1/sign-in",
    "/api/v1/shared/{share_key}",
    "/api/v1/shared/{share_key}/render",
}


@pytest.fixture
def keyed(settings: Settings, serve_again: Any) -> Iterator[str]:
    keys = Settings(api_keys="first-key-of-two,second-key-of-two", database_url=None).api_keys  # type: ignore[arg-type]
    with serve_again(settings.model_copy(update={"api_keys": keys})) as url:
        yield url


def test_every_route_refuses_without_credentials(keyed: str) -> None:
    paths = httpx.get(f"{keyed}/api/v1/openapi.json", trust_env=False).json()["paths"]
    tried = 0
    for path, operations in paths.items():
        for method in operations:
            if path in OPEN_PATHS:
                continue
            url = keyed + re.sub(r"\{\w+_id\}", lambda _: str(uuid.uuid4()), path).replace("{version}", "0")
            answer = httpx.request(method.upper(), url, trust_env=False)
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
        *PAGES,
        "/assets/{name}",
        "/favicon.svg",
        "/theme.js",
        "/api/v1/openapi.json",
        "/docs",
        "/docs/",
        "/docs/oauth2-redirect",
        "/api/v1/docs",
        "/static-offline-docs",
        "/health",
        "/ready",
        "/metrics",  # has a gate of its own: test_metrics.py
        "/api/v1/{path:path}",  # WebSockets that there are not
    }


def _paths(routes: Any) -> Iterator[str]:
    for route in routes:
        if hasattr(route, "path"):
            yield route.path
        elif hasattr(route, "original_router"):
            for inner in route.original_router.routes:
                yield route.include_context.prefix + inner.path


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first-key-of-two"},
        {"Authorization": "bearer second-key-of-two"},
        {"X-API-Key": "second-key-of-two"},
    ],
)
def test_a_key_opens(keyed: str, headers: dict[str, str]) -> None:
    assert httpx.get(f"{keyed}/api/v1/projects", headers=headers, trust_env=False).status_code == 200
    from_outside = {**headers, "Host": "maquette.example"}
    assert httpx.get(f"{keyed}/api/v1/projects", headers=from_outside, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first-key-of-twO"},
        {"Authorization": "Bearer first-key-of-two,second-key-of-two"},
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


def test_a_token_that_outlives_its_user_owns_nothing(hosted: str, little_supabase: Any) -> None:
    headers = {"Authorization": f"Bearer {little_supabase.token(uuid.uuid4())}"}
    with httpx.Client(base_url=f"{hosted}/api/v1", headers=headers, trust_env=False) as client:
        answer = client.post("/projects", json={"name": "Nobody's"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "owner_gone")
        assert client.get("/projects").json()["items"] == []
