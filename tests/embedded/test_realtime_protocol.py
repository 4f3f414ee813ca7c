"""The conversation: handshakes, joins, leaves, and frames that make no sense."""

import asyncio
import json

import httpx
import pytest
from tests.embedded.realtime_line import address, line, make_user, token_for
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

PROJECTS = {"event": "*", "schema": "public", "table": "projects"}


@pytest.mark.parametrize(
    ("credential", "status"),
    [
        ("", 401),
        ("nonsense", 403),
        ("sb_publishable_of-somebody-else", 403),
        ("expired", 403),
        ("foreign", 403),
        ("unsigned", 403),
        ("no role", 403),
    ],
)
async def test_bad_keys_are_refused_before_the_handshake(storage, credential, status):
    user = make_user(storage)
    made = {
        "expired": token_for(storage, user, lives_s=-10),
        "foreign": token_for(storage, user, secret="another project's secret, long enough"),
        "unsigned": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIiwiZXhwIjo0MDAwMDAwMDAwfQ.",
        "no role": token_for(storage, user, role="postgres"),
    }
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address(storage, made.get(credential, credential)), proxy=None):
            pass
    assert refused.value.response.status_code == status


async def test_other_versions_are_refused(storage):
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address(storage, storage.publishable_key, "3.0.0"), proxy=None):
            pass
    assert refused.value.response.status_code == 400


def test_status(storage):
    assert httpx.get(f"{storage.supabase_url}/realtime/v1/status", trust_env=False).json() == {"status": "ok"}


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
async def test_join_echoes_in_order_with_ids(storage, version):
    asked = [
        {"event": "INSERT", "schema": "public", "table": "runs"},
        {"table": "projects", "schema": "public", "event": "*", "filter": "name=eq.Ä"},
        {"event": "INSERT", "schema": "public", "table": "runs"},
    ]
    async with line(storage, version=version) as client:
        ref = await client.send(
            "realtime:t", "phx_join", {"config": {"postgres_changes": asked}}, join_ref="7", ref="7"
        )
        reply = await client.receive()
        assert (reply["event"], reply["ref"], reply["topic"]) == ("phx_reply", ref, "realtime:t")
        if version == "2.0.0":
            assert reply["join_ref"] == "7"
        echoed = reply["payload"]["response"]["postgres_changes"]
        ids = [one.pop("id") for one in echoed]
        assert reply["payload"]["status"] == "ok" and echoed == asked
        assert all(isinstance(one, int) and one > 0 for one in ids)
        assert ids[0] == ids[2] != ids[1]  # equal subscriptions are one
        system = await client.receive()
        assert system["ref"] is None and system["event"] == "system"
        assert system["payload"] == {
            "channel": "t",
            "extension": "postgres_changes",
            "message": "Subscribed to PostgreSQL",
            "status": "ok",
        }


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
async def test_heartbeat(storage, version):
    async with line(storage, version=version) as client:
        ref = await client.send("phoenix", "heartbeat", {})
        frame = await client.receive()
        assert (frame["topic"], frame["ref"]) == ("phoenix", ref)
        assert frame["payload"] == {"status": "ok", "response": {}}


async def test_a_join_without_subscriptions(storage):
    async with line(storage, storage.publishable_key) as client:
        # What supabase-js always sends.
        config = {"broadcast": {"ack": False, "self": False}, "presence": {"key": "", "enabled": False}}
        reply = await client.join(private=False, **config)
        assert reply == {"status": "ok", "response": {"postgres_changes": []}}
        await client.nothing()
        await client.join(topic="realtime:with presence", presence={"key": "", "enabled": True})
        assert await client.receive_event("presence_state") == {}


async def test_what_is_not_offered_says_so(storage):
    async with line(storage) as client:
        reply = await client.join(private=True)
        assert reply["status"] == "error" and reply["response"]["reason"].startswith("Unauthorized: ")
        await client.follow(PROJECTS)
        for event in ("broadcast", "presence", "made_up"):
            await client.send("realtime:t", event, {"type": event, "event": "x", "payload": {}})
            reply = await client.reply()
            assert reply["status"] == "error" and event in reply["response"]["reason"]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [("realtime:", "TopicNameRequired: You must provide a topic name"), ("room:1", "unmatched topic")],
)
async def test_topics_that_cannot_be_joined(storage, topic, reason):
    async with line(storage) as client:
        assert await client.join(topic=topic) == {"status": "error", "response": {"reason": reason}}


async def test_a_push_without_a_join(storage):
    async with line(storage) as client:
        await client.send("realtime:t", "access_token", {"access_token": "x"})
        assert await client.reply() == {"status": "error", "response": {"reason": "unmatched topic"}}
        await client.send("realtime:t", "phx_leave", {})
        assert (await client.reply())["status"] == "ok"


async def test_leave(storage):
    async with line(storage) as client:
        await client.follow(PROJECTS, join_ref="1")
        await client.send("realtime:t", "phx_leave", {}, join_ref="other")
        assert (await client.reply())["status"] == "ok"  # of another join: nothing ends
        ref = await client.send("realtime:t", "phx_leave", {}, join_ref="1")
        frame = await client.receive()
        assert (frame["event"], frame["ref"], frame["payload"]["status"]) == ("phx_reply", ref, "ok")
        closed = await client.receive()
        assert (closed["event"], closed["join_ref"], closed["ref"]) == ("phx_close", "1", "1")
        await client.send("realtime:t", "broadcast", {})
        assert (await client.reply())["response"] == {"reason": "unmatched topic"}


async def test_a_second_join_closes_the_first(storage):
    async with line(storage) as client:
        await client.follow(PROJECTS, join_ref="1")
        await client.send("realtime:t", "phx_join", {"config": {"postgres_changes": [PROJECTS]}}, join_ref="2", ref="2")
        closed = await client.receive()
        assert (closed["event"], closed["join_ref"]) == ("phx_close", "1")
        reply = await client.receive()
        assert (reply["event"], reply["join_ref"]) == ("phx_reply", "2")


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "null",
        "[]",
        "{}",
        '[1,2,"t","e"]',
        '["1","1",5,"phx_join",{}]',
        '["1","1","realtime:t","phx_join",[]]',
        '[{},"1","realtime:t","phx_join",{}]',
        '{"topic":"realtime:t","event":"phx_join"}',
        '{"topic":"realtime:t","event":7,"payload":{}}',
        "[" * 100_000,
        "x" * 300_000,
    ],
    ids=lambda text: text[:40],
)
async def test_malformed_frames_end_their_own_socket_only(storage, version, text):
    async with line(storage, version=version) as other, line(storage, version=version) as client:
        await client.socket.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(client.socket.recv(), 10)
        assert closed.value.rcvd.code == (1009 if len(text) > 256 * 1024 else 1007)
        await other.alive()


async def test_binary_frames_are_not_for_us(storage):
    async with line(storage) as client:
        await client.socket.send(b"\x00\x01")
        await client.alive()


@pytest.mark.parametrize("entry", [5, "text", [PROJECTS]], ids=str)
async def test_subscriptions_that_are_no_objects(storage, entry):
    async with line(storage) as client:
        reply = await client.join(entry)
        assert reply["status"] == "error" and reply["response"]["reason"].startswith("InvalidJoinPayload: ")
        await client.follow(PROJECTS)


async def test_channels_of_a_socket_are_limited(storage):
    async with line(storage) as client:
        for number in range(100):
            assert (await client.join(topic=f"realtime:{number}"))["status"] == "ok"
        reply = await client.join(topic="realtime:one more")
        assert reply["response"] == {"reason": "ChannelRateLimitReached: Too many channels"}
        await client.send("realtime:0", "phx_leave", {})
        assert [(await client.receive())["event"] for _ in range(2)] == ["phx_reply", "phx_close"]
        assert (await client.join(topic="realtime:one more"))["status"] == "ok"


async def test_odd_text_in_a_subscription(storage):
    async with line(storage) as client:
        for value in ("\0", "\ud800", "'; drop table projects; --", '"', "%s", "\\"):
            reply = await client.join({**PROJECTS, "filter": f"name=eq.{value}"})
            assert reply["status"] == "ok"
            assert json.dumps(reply["response"]["postgres_changes"][0]["filter"]) == json.dumps(f"name=eq.{value}")
            system = await client.receive_event("system")
            assert system["status"] == ("error" if value in ("\0", "\ud800") else "ok")
            await client.send("realtime:t", "phx_leave", {})
            assert [(await client.receive())["event"] for _ in range(2)] == ["phx_reply", "phx_close"]
