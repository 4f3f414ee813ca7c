"""How often heavy calls are taken: exactly, per owner and per address, across servers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.api.worker import Worker

from maquette.api.rates import rates_of
from maquette.db import rates
from maquette.machine_keys import MachineKey, hash_of
from maquette.settings import Settings

KEY = "a-key-for-tests-of-rates-0123456789"
HOUR = timedelta(hours=1)


def take(worker: Worker, keys: list[str], most: int, span: timedelta = HOUR) -> float:
    return worker.do(lambda conn, _: rates.take_turn(conn, keys, most, span))


@pytest.fixture
def key() -> str:
    return f"test {uuid.uuid4()}"


def grow_older(worker: Worker, key: str, seconds: float) -> None:
    worker.sql(
        "update maquette.call_rates set last_call = last_call - make_interval(secs => %s),"
        " calls = (select array_agg(c - make_interval(secs => %s) order by c) from unnest(calls) c) where key = %s",
        seconds,
        seconds,
        key,
    )


def test_so_many_within_any_span_and_no_more(worker: Worker, key: str) -> None:
    assert [take(worker, [key], 3) for _ in range(3)] == [0, 0, 0]
    assert 3500 < take(worker, [key], 3) <= 3600
    grow_older(worker, key, 3500)
    assert 0 < take(worker, [key], 3) <= 100, "a refused call is not counted"
    grow_older(worker, key, 100)
    assert [take(worker, [key], 3) == 0 for _ in range(4)] == [True, True, True, False]


def test_a_turn_is_taken_under_all_keys_or_none(worker: Worker, key: str) -> None:
    other = f"{key} other"
    assert take(worker, [other], 1) == 0
    assert take(worker, [key, other], 1) > 0
    assert take(worker, [key], 1) == 0


def test_many_at_once_get_no_more_than_there_is(worker: Worker, key: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda n: take(worker, [key, f"{key} {n % 2}"][:: 1 - 2 * (n % 2)], 5), range(24)))
    assert sum(wait == 0 for wait in waits) == 5


def test_a_lower_limit_holds_at_once(worker: Worker, key: str) -> None:
    assert [take(worker, [key], 10) for _ in range(6)] == [0] * 6
    assert take(worker, [key], 5) > 0 and take(worker, [key], 10) == 0


def test_what_is_a_day_old_is_forgotten(worker: Worker, key: str) -> None:
    take(worker, [key], 3)
    grow_older(worker, key, 25 * 3600)
    take(worker, [f"{key} new"], 3)
    assert worker.sql("select 1 from maquette.call_rates where key = %s", key) == []


@pytest.fixture
def replicas(settings: Settings, serve_again: Any) -> Iterator[Callable[..., list[httpx.Client]]]:
    """Two API servers with the same settings, which ask for a key."""
    with ExitStack() as stack:

        def start(**changes: Any) -> list[httpx.Client]:
            keyed = settings.model_copy(update={"api_keys": (MachineKey(hash_of(KEY)),), **changes})
            urls = [stack.enter_context(serve_again(keyed)) for _ in range(2)]
            return [
                stack.enter_context(
                    httpx.Client(base_url=f"{url}/api/v1", headers={"X-API-Key": KEY}, timeout=60, trust_env=False)
                )
                for url in urls
            ]

        yield start


@pytest.fixture(autouse=True)
def forgotten(worker: Worker) -> None:
    """Owner and address are those of all tests here."""
    worker.sql("delete from maquette.call_rates where key ~ '^(uploads|generates) '")


def test_uploads_are_limited_across_servers(replicas: Callable[..., list[httpx.Client]]) -> None:
    clients = replicas()
    # Refused at once for what they hold, and counted all the same.
    answers = [clients[n % 2].post("/upload", files={"nonsense": ("a", b"b")}) for n in range(11)]
    assert [one.status_code for one in answers[:10]] == [422] * 10
    refused = answers[10]
    assert refused.status_code == 429 and refused.json()["error"]["code"] == "rate_limited"
    details = refused.json()["error"]["details"]
    assert details["limit"] == 10 and details["window_s"] == 60
    assert refused.headers["retry-after"] == str(details["retry_after_s"]) and 1 <= details["retry_after_s"] <= 60
    assert clients[0].get("/health").json()["limits"]["uploads_per_minute"] == 10
    # Reading goes on.
    assert clients[1].get("/projects").status_code == 200


def test_generates_and_refines_are_counted_together_and_rehearsals_not(
    replicas: Callable[..., list[httpx.Client]], generated: str
) -> None:
    [one, two] = replicas(generates_per_hour=2)
    for _ in range(4):
        assert one.post(f"/generate/{generated}", params={"dry_run": "true"}).status_code == 200
    assert one.post(f"/refine/{generated}").status_code == 202
    assert two.post(f"/generate/{generated}").status_code == 200, "identical work, reused"
    for client, step in ((one, "refine"), (two, "generate")):
        assert client.post(f"/{step}/{generated}").json()["error"]["code"] == "rate_limited"


def test_an_address_is_limited_whoever_calls_from_it(
    replicas: Callable[..., list[httpx.Client]], worker: Worker
) -> None:
    worker.sql(
        "insert into maquette.call_rates values ('uploads address 127.0.0.1', array_fill(now(), array[10]), now())"
    )
    [client, _] = replicas()
    refused = client.post("/upload", files={"file": ("a.txt", b"no photo", "text/plain")})
    assert refused.json()["error"]["code"] == "rate_limited"


def test_on_ones_own_machine_there_is_no_limit_unless_it_is_set(settings: Settings, api: httpx.Client) -> None:
    limits = api.get("/health").json()["limits"]
    assert limits["uploads_per_minute"] is None and limits["generates_per_hour"] is None
    assert rates_of(settings, credentials=False)["uploads"].most == 0
    assert rates_of(settings, credentials=True)["generates"].most == 50
    set_ones = settings.model_copy(update={"uploads_per_minute": 4, "generates_per_hour": 0})
    assert rates_of(set_ones, credentials=False)["uploads"].most == 4
    assert rates_of(set_ones, credentials=True)["generates"].most == 0
