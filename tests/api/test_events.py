"""The history of a project: without gaps when read, in order when watched."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


def test_history_is_read_in_parts(api: httpx.Client, generated: str) -> None:
    whole = api.get(f"/projects/{generated}/events").json()
    assert whole["next"] is None
    numbers = [event["seq"] for event in whole["items"]]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 4
    assert next(event["type"] for event in whole["items"]) == "progress"
    assert whole["items"][-1]["type"] == "complete"
    assert numbers[-1] == api.get(f"/status/{generated}").json()["event_seq"]

    read: list[int] = []
    after: int | None = 0
    while after is not None:
        part = api.get(f"/projects/{generated}/events", params={"after": after, "limit": 2}).json()
        assert len(part["items"]) <= 2
        read += [event["seq"] for event in part["items"]]
        after = part["next"]
    assert read == numbers
    assert api.get(f"/projects/{generated}/events", params={"after": numbers[-1]}).json()["items"] == []
    assert api.get(f"/projects/{generated}/events", params={"after": -1}).status_code == 422


def socket_url(address: str, project_id: str, query: str = "") -> str:
    return f"{address.replace('http', 'ws', 1)}/api/v1/projects/{project_id}/events{query}"


async def test_watching_live(address: str, api: httpx.Client, worker: Any, generated: str) -> None:
    async with connect(socket_url(address, generated), proxy=None) as socket:
        init = json.loads(await socket.recv())
        assert init["type"] == "init" and init["payload"]["project"]["id"] == generated
        replayed = [json.loads(await socket.recv()) for _ in range(init["seq"])]
        assert [event["seq"] for event in replayed] == list(range(1, init["seq"] + 1))

        run = await asyncio.to_thread(api.post, f"/refine/{generated}")
        await asyncio.to_thread(worker.refine, run.json()["run_id"])
        live = []
        async with asyncio.timeout(5):  # much sooner than the next look without news
            while not live or live[-1]["type"] != "complete":
                live.append(json.loads(await socket.recv()))
        assert [event["seq"] for event in live] == list(range(init["seq"] + 1, init["seq"] + 1 + len(live)))
        assert live[-1]["payload"]["run_id"] == run.json()["run_id"]
        assert {"progress", "model", "complete"} <= {event["type"] for event in live}


async def test_watching_on_from_a_number(address: str, generated: str) -> None:
    async with connect(socket_url(address, generated, "?after=3"), proxy=None) as socket:
        init = json.loads(await socket.recv())
        first = json.loads(await socket.recv())
        assert init["type"] == "init" and first["seq"] == 4


@pytest.mark.parametrize(
    ("identifier", "host", "headers", "code"),
    [
        ("00000000-0000-4000-8000-0000000000aa", "127.0.0.1", {}, 4404),
        (None, "127.0.0.1", {"Origin": "https://evil.example"}, 4403),
        (None, "evil.example", {}, 4403),
    ],
)
async def test_watching_is_refused(
    address: str, generated: str, identifier: str | None, host: str, headers: dict[str, str], code: int
) -> None:
    url = socket_url(address, identifier or generated).replace("127.0.0.1", host)
    # however the page calls it, the browser connects to this machine
    async with connect(url, host="127.0.0.1", additional_headers=headers, proxy=None) as socket:
        error = json.loads(await socket.recv())
        assert error["type"] == "error" and error["error"]["suggestion"]
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == code


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("projects/nope/events", 4404, "project_not_found"),
        ("projects/00000000-0000-4000-8000-0000000000aa/events?after=x", 4422, "invalid_parameters"),
        ("projects//events?after=0", 4404, "unknown_route"),
        ("shared/abc", 4404, "unknown_route"),
    ],
)
async def test_an_address_that_cannot_be_watched_is_refused_in_words(
    address: str, path: str, code: int, said: str
) -> None:
    async with connect(f"{address.replace('http', 'ws', 1)}/api/v1/{path}", proxy=None) as socket:
        error = json.loads(await socket.recv())["error"]
        assert error["code"] == said and error["suggestion"] and "abc" not in error["message"]
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == code


async def test_watching_ends_with_the_project(address: str, api: httpx.Client, project_id: str) -> None:
    async with connect(socket_url(address, project_id), proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "init"
        assert (await asyncio.to_thread(api.delete, f"/projects/{project_id}")).status_code == 204
        async with asyncio.timeout(5):  # much sooner than the next look without news
            assert json.loads(await socket.recv())["error"]["code"] == "project_not_found"
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4404


async def test_a_lost_listener_loses_nothing(address: str, api: httpx.Client, worker: Any, generated: str) -> None:
    async with connect(socket_url(address, generated), proxy=None) as socket:
        init = json.loads(await socket.recv())
        for _ in range(init["seq"]):
            await socket.recv()
        killed = await asyncio.to_thread(
            worker.sql,
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'maquette-listener'"
            " and usename = current_user",
        )
        assert killed
        await asyncio.to_thread(api.post, f"/refine/{generated}")
        async with asyncio.timeout(15):
            assert json.loads(await socket.recv())["seq"] == init["seq"] + 1


async def test_a_page_offers_its_key_as_a_protocol(
    settings: Any, serve_again: Any, worker: Any, generated: str
) -> None:
    keys = type(settings)(api_keys="the-key-of-a-page", database_url=None).api_keys
    keyed = settings.model_copy(update={"api_keys": keys})
    with serve_again(keyed) as url:
        for offered, expected in (("bearer.the-key-of-a-page", "init"), ("bearer.other", "error"), ("other", "error")):
            protocols: Any = ["maquette", offered]
            async with connect(socket_url(url, generated), subprotocols=protocols, proxy=None) as socket:
                assert json.loads(await socket.recv())["type"] == expected
                assert socket.subprotocol == "maquette"


async def test_a_watcher_whose_line_drops_gets_every_event_once(
    address: str, api: httpx.Client, worker: Any, generated: str
) -> None:
    """It remembers the last number it saw and comes back with it, three times, while a run goes on without a pause."""
    run_id = (await asyncio.to_thread(api.post, f"/refine/{generated}", json={"seed": 77})).json()["run_id"]
    await asyncio.to_thread(worker.start, run_id)
    enough = asyncio.Event()

    async def work() -> None:
        percent = 0.0
        while not enough.is_set():
            percent += 0.01
            await asyncio.to_thread(worker.beat, run_id, percent)

    working = asyncio.create_task(work())
    seen: list[int] = []
    for _ in range(3):
        url = socket_url(address, generated, f"?after={seen[-1] if seen else 0}")
        async with connect(url, proxy=None) as socket:
            assert json.loads(await socket.recv())["type"] == "init"
            for _ in range(10):
                seen.append(json.loads(await socket.recv())["seq"])
            socket.transport.abort()  # the line is cut: no closing handshake
        await asyncio.sleep(0.15)  # events go by unseen
    enough.set()
    await working
    last = (await asyncio.to_thread(api.get, f"/status/{generated}")).json()["event_seq"]
    async with connect(socket_url(address, generated, f"?after={seen[-1]}"), proxy=None) as socket:
        assert json.loads(await socket.recv())["seq"] == last
        while seen[-1] < last:
            seen.append(json.loads(await socket.recv())["seq"])
    assert seen == list(range(1, last + 1))
    assert last >= 30
    await asyncio.to_thread(worker.finish_cancelled, run_id)
