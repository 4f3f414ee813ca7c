"""Health, documentation, headers, limits, and what happens when the database goes away."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from psycopg_pool import AsyncConnectionPool

from maquette.api.app import create_app, factory
from maquette.settings import Connections, Settings


def test_health(api: httpx.Client, worker: Any) -> None:
    answer = api.get("/health")
    body = answer.json()
    assert answer.status_code == 200 and body["status"] == "degraded"
    assert body["database"]["ok"] and body["storage"]["ok"] and body["database"]["latency_ms"] > 0
    assert not body["worker"]["ok"] and "maquette worker" in body["worker"]["message"]
    assert body["machine"]["cpu_count"] >= 1 and body["machine"]["memory_total_bytes"] > 0
    assert body["machine"]["gpu"] == "none" and body["models"] == []
    assert body["workers"] == []


def test_health_shows_every_limit(api: httpx.Client, settings: Settings) -> None:
    shown = api.get("/health").json()["limits"]
    assert shown == {
        "min_photos": 3,
        "max_photos": 8,
        "max_file_bytes": 1_000_000,
        "max_upload_bytes": 2_000_000,
        "max_project_bytes": 50_000_000_000,
        "max_pixels": 100_000_000,
        "max_gaussians": 5_000_000,
        "max_runs_per_owner": 200,
        "max_running_per_owner": None,
        "uploads_per_minute": None,
        "generates_per_hour": None,
        "max_stored_bytes_per_owner": None,
        "disk_floor_bytes": 2_000_000_000,
    }


def test_imports_nothing_heavy() -> None:
    code = (
        "import sys, maquette.api.app;"
        "print([m for m in ('torch', 'numba', 'pycolmap', 'cv2', 'scipy', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestDatabaseDown:
    @pytest.fixture
    async def client(self, settings: Settings, connections: Connections) -> AsyncIterator[httpx.AsyncClient]:
        """The API with a pool whose database has gone away after the start."""
        app = create_app(settings, connections)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            service = app.state.service
            gone = AsyncConnectionPool(
                "host=127.0.0.1 port=1 dbname=x", min_size=1, timeout=1, open=False, reconnect_timeout=1
            )
            await gone.open()
            app.state.service = replace(service, pool=gone)
            yield client
            await gone.close()

    async def test_calls_are_503(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/api/v1/projects")
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "database_unreachable"
        assert answer.headers["retry-after"] == "5"

    async def test_health_says_so_and_ready_refuses(self, client: httpx.AsyncClient) -> None:
        for prefix in ("/api/v1", ""):
            health = await client.get(f"{prefix}/health")
            assert health.status_code == 200 and health.json()["status"] == "unavailable"
            assert not health.json()["database"]["ok"] and health.json()["database"]["message"]
            ready = await client.get(f"{prefix}/ready")
            assert ready.status_code == 503 and not ready.json()["ready"] and ready.headers["retry-after"] == "5"


async def test_started_by_uvicorn_itself(
    settings: Settings, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`uvicorn --factory maquette.api.app:factory` finds the stack that runs on the home."""
    monkeypatch.setenv("MAQUETTE_HOME", str(settings.home))
    app = factory()
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        assert (await client.get("/api/v1/projects")).status_code == 200


async def test_a_fault_of_ours_shows_no_insides(
    settings: Settings, connections: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings, connections)

    @app.get("/api/v1/broken")
    async def broken() -> None:
        raise RuntimeError("secret insides")

    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        answer = await client.get("/api/v1/broken")
    error = answer.json()["error"]
    assert answer.status_code == 500 and error["code"] == "internal_error"
    assert "secret" not in answer.text and answer.headers["x-content-type-options"] == "nosniff"
    assert error["details"]["error_id"] in caplog.text and "secret insides" in caplog.text


def test_headers(api: httpx.Client, address: str) -> None:
    for answer in (api.get("/projects"), api.get("/nothing"), api.get("/projects", params={"limit": 0})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    preflight = httpx.options(
        f"{address}/api/v1/projects",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        trust_env=False,
    )
    assert "access-control-allow-origin" not in preflight.headers


def test_large_bodies_are_refused(api: httpx.Client, project_id: str) -> None:
    def chunks() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    for content in (b" " * 300_000, chunks()):
        answer = api.post("/projects", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 413 and answer.json()["error"]["code"] == "body_too_large"

    def small() -> Any:
        yield b'{"name": '
        yield b'"In parts"}'

    answer = api.post("/projects", content=small(), headers={"content-type": "application/json"})
    assert answer.status_code == 201 and answer.json()["name"] == "In parts"


def test_the_log_holds_no_query(api: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="maquette.access"):
        api.get("/projects", params={"token": "hush"}, headers={"Authorization": "Bearer hush-too"})
    assert "/api/v1/projects 200" in caplog.text and "hush" not in caplog.text


class TestDocs:
    @pytest.fixture
    def schema(self, api: httpx.Client) -> dict[str, Any]:
        whole: dict[str, Any] = api.get("/openapi.json").json()
        return whole

    def test_pages(self, address: str) -> None:
        page = httpx.get(f"{address}/docs", trust_env=False)
        assert page.status_code == 200 and "/api/v1/openapi.json" in page.text
        answer = httpx.get(f"{address}/api/v1/docs", trust_env=False)
        assert answer.status_code == 307 and answer.headers["location"] == "/docs"

    def test_every_parameter_says_what_it_takes(self, schema: dict[str, Any]) -> None:
        for path, method, operation in _operations(schema):
            for parameter in operation.get("parameters", []):
                where = f"{method} {path} {parameter['name']}"
                inner = _plain(parameter["schema"])
                assert parameter.get("description"), where
                assert "examples" in inner or "example" in parameter or "examples" in parameter["schema"], where
                if inner.get("type") in {"integer", "number"}:
                    assert {"minimum", "exclusiveMinimum"} & set(inner) and "maximum" in inner, where
                if not parameter["required"]:
                    assert "default" in parameter["schema"] or "Default:" in parameter["description"], where

    def test_every_body_field_says_what_it_takes(self, schema: dict[str, Any]) -> None:
        seen = 0
        for path, method, operation in _operations(schema):
            for media in operation.get("requestBody", {}).get("content", {}).values():
                body = _resolve(schema, media["schema"])
                shown = {name for example in media.get("examples", {}).values() for name in example["value"]}
                for name, field in body["properties"].items():
                    where = f"{method} {path} {name}"
                    seen += 1
                    inner = _plain(field)
                    assert name in shown or "example" in field or "examples" in field, where
                    assert field.get("description") or name == "seed", where
                    if inner.get("type") in {"integer", "number"}:
                        assert {"minimum", "exclusiveMinimum"} & set(inner), where
                        # a version's upper bound is what the project has
                        assert {"maximum", "exclusiveMaximum"} & set(inner), where
        assert seen >= 20

    def test_every_error_has_the_one_shape(self, schema: dict[str, Any]) -> None:
        for path, method, operation in _operations(schema):
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and not (path.endswith("/ready") and status == "503"):
                    ref = answer["content"]["application/json"]["schema"]["$ref"]
                    assert ref == "#/components/schemas/Error", f"{method} {path} {status}"
            assert "500" in operation["responses"], path
        assert "HTTPValidationError" not in schema["components"]["schemas"]

    def test_contract_routes_are_there(self, schema: dict[str, Any]) -> None:
        wanted = """
            post /projects; get /projects; get /projects/{project_id}; patch /projects/{project_id};
            delete /projects/{project_id}; post /upload; post /generate/{project_id}; post /refine/{project_id};
            post /export/{project_id}; get /export/{project_id}; get /status/{project_id};
            get /projects/{project_id}/images; get /projects/{project_id}/views; get /projects/{project_id}/depth-maps;
            get /projects/{project_id}/models; get /projects/{project_id}/iterations;
            get /projects/{project_id}/metrics; get /projects/{project_id}/exports; get /projects/{project_id}/runs;
            get /projects/{project_id}/events; get /runs/{run_id}; get /runs/{run_id}/log; post /runs/{run_id}/cancel;
            post /runs/{run_id}/retry; post /projects/{project_id}/models/{version}/promote; get /queue; get /health;
            get /formats; get /projects/{project_id}/meshes; get /projects/{project_id}/download;
            get /ready; get /projects/{project_id}/enhanced-views; get /projects/{project_id}/shares;
            post /projects/{project_id}/shares; delete /projects/{project_id}/shares/{share_id};
            get /shared/{share_key}; get /sign-in; get /session; get /projects/{project_id}/compare;
            get /projects/{project_id}/models/{version}/render; get /shared/{share_key}/render;
            put /projects/{project_id}/images/{image_index}; post /projects/import; post /projects/sample;
            get /projects/{project_id}/losses; get /runs/{run_id}/preview; post /projects/{project_id}/incoming;
            get /projects/{project_id}/incoming/{incoming_id}; delete /projects/{project_id}/incoming/{incoming_id};
            post /webhooks; get /webhooks; get /webhooks/{webhook_id}; patch /webhooks/{webhook_id};
            delete /webhooks/{webhook_id}; post /webhooks/{webhook_id}/secret; post /webhooks/{webhook_id}/test;
            get /webhooks/{webhook_id}/deliveries; post /webhooks/{webhook_id}/deliveries/{delivery_id}/retry
        """
        there = {f"{method} {path.removeprefix('/api/v1')}" for path, method, _ in _operations(schema)}
        assert there == {one.strip() for one in wanted.split(";")}


def _operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, operations in schema["paths"].items() for method, op in operations.items()]


def _resolve(schema: dict[str, Any], ref: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in ref:
        return ref
    found: dict[str, Any] = schema["components"]["schemas"][ref["$ref"].rpartition("/")[2]]
    return found


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """The part that is not null, with what stands around it."""
    parts = [part for part in field.get("anyOf", []) if part.get("type") != "null"]
    return {**field, **(parts[0] if parts else {})}
