"""What Prometheus gets: right numbers, few series, and only for those who may know of all owners."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr
from tests.api.supabase import LittleSupabase
from tests.api.test_health import working
from websockets.sync.client import connect

from maquette.api import metrics as metrics_module
from maquette.api.app import create_app
from maquette.api.service import Service
from maquette.machine_keys import SHOWN, hash_of, make_key
from maquette.settings import Connections, Settings

TOKEN = "a-long-random-token-of-the-scraper"
Again = Callable[[Settings], AbstractContextManager[str]]
Key = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are read anew at each scrape, whoever has scraped this server before."""
    refresh = metrics_module.Metrics.refresh

    async def anew(metrics: metrics_module.Metrics, service: Service) -> None:
        metrics._line_until = metrics._history_until = 0.0
        await refresh(metrics, service)

    monkeypatch.setattr(metrics_module.Metrics, "refresh", anew)


def scraped(address: str, **headers: str) -> dict[Key, float]:
    answer = httpx.get(f"{address}/metrics", headers=headers, trust_env=False).raise_for_status()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> Key:
    return name, frozenset(labels.items())


def grown(before: dict[Key, float], after: dict[Key, float], name: str, **labels: str) -> float:
    return after.get(key(name, **labels), 0.0) - before.get(key(name, **labels), 0.0)


def test_answers_are_counted_by_route_and_never_by_address(address: str, api: httpx.Client, project_id: str) -> None:
    before = scraped(address)
    stranger = uuid.uuid4().hex
    for _ in range(3):
        api.get(f"/projects/{project_id}")
    api.get(f"/projects/{uuid.uuid4()}")
    api.get(f"/{stranger}")
    api.request("PROPFIND", "/projects")
    after = scraped(address)
    count = "maquette_http_requests_total"
    assert grown(before, after, count, method="GET", route="/api/v1/projects/{project_id}", status="2xx") == 3
    assert grown(before, after, count, method="GET", route="/api/v1/projects/{project_id}", status="4xx") == 1
    assert grown(before, after, count, method="GET", route="none", status="4xx") == 1
    took = "maquette_http_request_duration_seconds_count"
    assert grown(before, after, took, method="GET", route="/api/v1/projects/{project_id}") == 4
    told = str(after)
    assert stranger not in told and project_id not in told and "PROPFIND" not in told


def test_what_the_guards_refuse_is_counted_too(address: str, api: httpx.Client) -> None:
    before = scraped(address)
    assert api.post("/projects", content=b" " * 300_000).status_code == 413
    after = scraped(address)
    assert grown(before, after, "maquette_http_requests_total", method="POST", route="none", status="4xx") == 1


def test_the_line_its_workers_and_the_history(
    address: str, api: httpx.Client, worker: Any, project_id: str, generated: str
) -> None:
    before = scraped(address)
    worker.add_photos(project_id)
    waits = api.post(f"/generate/{project_id}", json={"seed": 7}).raise_for_status().json()["run_id"]
    worker.sql("update public.runs set queued_at = now() - interval '90 s', queue = 'gpu' where id = %s", waits)
    with working(worker, "gpu", "cpu"):
        after = scraped(address)
        assert grown(before, after, "maquette_queue_waiting", queue="gpu") == 1
        assert after[key("maquette_queue_oldest_seconds", queue="gpu")] >= 90
        assert after[key("maquette_workers_alive")] == 1
        assert after[key("maquette_worker_slots", queue="gpu")] == 2
    worker.sql("update public.runs set queue = 'cpu', failures = %s where id = %s", '{"step_killed": 2}', waits)
    worker.start(waits)
    running = scraped(address)
    assert grown(before, running, "maquette_runs_running", queue="cpu", step="generate") == 1
    assert grown(before, running, "maquette_run_retries", code="step_killed") == 2
    worker.sql("update public.runs set started_at = now() - interval '45 s' where id = %s", waits)
    worker.sql(
        "update public.runs set status = 'completed', finished_at = started_at + interval '45 s' where id = %s", waits
    )
    ended = scraped(address)
    length = "maquette_step_duration_seconds"
    assert grown(before, ended, "maquette_runs", step="generate", status="completed", code="") == 1
    assert grown(before, ended, f"{length}_bucket", step="generate", le="30.0") == 0
    assert grown(before, ended, f"{length}_bucket", step="generate", le="60.0") == 1
    assert grown(before, ended, f"{length}_bucket", step="generate", le="+Inf") == 1
    assert grown(before, ended, f"{length}_sum", step="generate") == pytest.approx(45)


def test_why_runs_failed_and_what_is_stored(address: str, api: httpx.Client, worker: Any, generated: str) -> None:
    before = scraped(address)
    run_id = api.post(f"/refine/{generated}").raise_for_status().json()["run_id"]
    worker.fail(run_id, {"code": "out_of_memory", "message": "x"})
    worker.sql(
        "insert into public.artifacts (project_id, kind, bucket, path, sha256, bytes, mime)"
        " values (%s, 'test', '3d-models', %s, repeat('0', 64), 12345, 'x/y')",
        generated,
        f"{generated}/metrics-test",
    )
    after = scraped(address)
    assert grown(before, after, "maquette_runs", step="refine", status="failed", code="out_of_memory") == 1
    assert grown(before, after, "maquette_stored_bytes", bucket="3d-models") == 12345
    assert grown(before, after, "maquette_stored_objects", bucket="3d-models") == 1


def test_of_this_process(address: str) -> None:
    told = scraped(address)
    assert told[key("maquette_database_up")] == 1 and told[key("maquette_disk_free_bytes")] > 0
    assert key("maquette_database_pool_connections", state="in_use") in told
    assert told[key("process_resident_memory_bytes")] > 1e6 and key("process_open_fds") in told


def test_open_sockets_are_counted(address: str, project_id: str) -> None:
    before = scraped(address)
    socket = address.replace("http", "ws", 1) + f"/api/v1/projects/{project_id}/events"
    with connect(socket, proxy=None) as talking:
        talking.recv(timeout=20)
        assert grown(before, scraped(address), "maquette_websockets", kind="events") == 1


async def test_without_a_database_nothing_old_is_told(settings: Settings, connections: Connections) -> None:
    app = create_app(settings, connections)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        assert "maquette_queue_waiting" in (await client.get("/metrics")).text
        gone = AsyncConnectionPool("host=127.0.0.1 port=1 dbname=x", min_size=1, timeout=1, open=False)
        await gone.open()
        app.state.service = replace(app.state.service, pool=gone)
        answer = await client.get("/metrics")
        await gone.close()
    assert answer.status_code == 200 and "maquette_database_up 0.0" in answer.text
    assert "maquette_queue_waiting" not in answer.text and "maquette_http_requests_total" in answer.text


class TestWhoMayKnow:
    def test_whoever_may_call_an_embedded_stack(self, settings: Settings, serve_again: Again) -> None:
        made = make_key()
        keyed = Settings(home=settings.home, api_keys=made, database_url=None)  # type: ignore[arg-type]
        with serve_again(keyed) as url:
            assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 401
            assert httpx.get(f"{url}/metrics", headers={"X-API-Key": "wrong"}, trust_env=False).status_code == 401
            assert scraped(url, **{"X-API-Key": made})

    @pytest.mark.parametrize("kind", ["embedded", "supabase"])
    def test_the_scraper_with_its_token(
        self, settings: Settings, serve_again: Again, serve_beside_supabase: Again, kind: str
    ) -> None:
        serve = serve_again if kind == "embedded" else serve_beside_supabase
        keys = make_key() if kind == "embedded" else ""
        told = settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})
        if keys:
            told = Settings(home=settings.home, api_keys=keys, metrics_token=TOKEN, database_url=None)  # type: ignore[arg-type]
        with serve(told) as url:
            assert scraped(url, Authorization=f"Bearer {TOKEN}")
            for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN[:-1]}"):
                assert httpx.get(f"{url}/metrics", headers={"Authorization": wrong}, trust_env=False).status_code == 401
            answer = httpx.get(f"{url}/metrics", headers=[(b"authorization", "Bearer é".encode())], trust_env=False)
            assert answer.status_code == 401
            # and opens nothing else
            other = httpx.get(f"{url}/api/v1/queue", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
            assert other.status_code == 401

    def test_not_a_user_who_signed_in_nor_a_key_of_one(
        self, hosted: str, little_supabase: LittleSupabase, worker: Any
    ) -> None:
        user, made = uuid.uuid4(), make_key()
        worker.sql("insert into auth.users (id, email) values (%s, %s)", user, f"{user}@example.org")
        worker.sql(
            "insert into maquette.api_keys (owner_id, name, key_sha256, key_prefix) values (%s, 'test', %s, %s)",
            user,
            hash_of(made),
            made[:SHOWN],
        )
        assert httpx.get(f"{hosted}/metrics", trust_env=False).status_code == 401
        for headers in ({"Authorization": f"Bearer {little_supabase.token(user)}"}, {"X-API-Key": made}):
            assert httpx.get(f"{hosted}/api/v1/queue", headers=headers, trust_env=False).status_code == 200
            answer = httpx.get(f"{hosted}/metrics", headers=headers, trust_env=False)
            assert answer.status_code == 403 and answer.json()["error"]["code"] == "metrics_not_for_users"
            assert "maquette_queue" not in answer.text
