"""A raw client of Realtime: frames as the clients send them, without their conveniences."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import psycopg
from websockets.asyncio.client import connect

PATIENCE_S = 40
SILENCE_S = 0.3


@dataclass
class Line:
    """One socket. Frames come back as dicts whatever the version."""

    socket: Any
    version: str
    refs: Any = field(default_factory=lambda: map(str, itertools.count(1)))

    async def send(self, topic, event, payload, *, join_ref=None, ref=None):
        ref = ref or next(self.refs)
        whole = [join_ref, ref, topic, event, payload]
        if self.version == "1.0.0":
            whole = dict(zip(("join_ref", "ref", "topic", "event", "payload"), whole, strict=True))
        await self.socket.send(json.dumps(whole))
        return ref

    async def receive(self):
        async with asyncio.timeout(PATIENCE_S):
            raw = json.loads(await self.socket.recv())
        if self.version == "1.0.0":
            assert set(raw) == {"topic", "event", "payload", "ref"}
            return raw
        return dict(zip(("join_ref", "ref", "topic", "event", "payload"), raw, strict=True))

    async def receive_event(self, event):
        """The payload of the next frame, which must be of this kind."""
        frame = await self.receive()
        assert frame["event"] == event, frame
        return frame["payload"]

    async def reply(self):
        return await self.receive_event("phx_reply")

    async def changes(self, number):
        """The data of the next changes."""
        return [(await self.receive_event("postgres_changes"))["data"] for _ in range(number)]

    async def nothing(self):
        """Nothing comes for a while."""
        await asyncio.sleep(SILENCE_S)
        await self.alive()

    async def alive(self):
        """The next frame is the answer to a heartbeat, which overtakes nothing."""
        ref = await self.send("phoenix", "heartbeat", {})
        frame = await self.receive()
        assert frame["event"] == "phx_reply" and frame["ref"] == ref, frame

    async def join(self, *params, topic="realtime:t", token=None, join_ref=None, **config):
        """Join; the reply's payload."""
        ref = next(self.refs)
        payload = {"config": {"postgres_changes": list(params), **config}}
        if token is not None:
            payload["access_token"] = token
        await self.send(topic, "phx_join", payload, join_ref=join_ref or ref, ref=ref)
        return await self.reply()

    async def follow(self, *params, **more):
        """Join, and see that it is in force; the ids."""
        reply = await self.join(*params, **more)
        assert reply["status"] == "ok", reply
        system = await self.receive_event("system")
        assert (system["status"], system["message"]) == ("ok", "Subscribed to PostgreSQL"), system
        return [one["id"] for one in reply["response"]["postgres_changes"]]

    async def refusal(self, *params, **more):
        """Join with subscriptions that cannot be had; what the system message says."""
        reply = await self.join(*params, **more)
        assert reply["status"] == "ok", reply
        system = await self.receive_event("system")
        assert (system["status"], system["extension"]) == ("error", "postgres_changes"), system
        return system["message"]


def address(connections, key, version="2.0.0"):
    base = connections.supabase_url.replace("http", "ws", 1)
    return f"{base}/realtime/v1/websocket?apikey={key}&vsn={version}"


@asynccontextmanager
async def line(connections, key=None, version="2.0.0", **options):
    """A socket with the service's key unless another is given."""
    url = address(connections, key or connections.secret_key, version)
    async with connect(url, proxy=None, **options) as socket:
        yield Line(socket, version)


def token_for(connections, user, *, role="authenticated", lives_s=60, secret=None, **more):
    claims = {"sub": str(user), "role": role, "exp": int(time.time()) + lives_s, **more}
    return jwt.encode(claims, secret or connections.jwt_secret, algorithm="HS256")


def make_user(connections):
    with psycopg.connect(connections.database_url) as db:
        user = str(uuid.uuid4())
        db.execute("insert into auth.users (id) values (%s)", [user])
    return user


def sql(connections, query, params=()):
    """One statement in a transaction of its own; the first column of the first row, if it gives rows."""
    with psycopg.connect(connections.database_url) as db:
        done = db.execute(query, params)
        return done.fetchone()[0] if done.description else None
