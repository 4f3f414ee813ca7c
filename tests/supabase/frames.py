"""Realtime's frames by hand, in both serialisations: arrays (vsn 2.0.0) and objects (vsn 1.0.0)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from websockets.sync.client import ClientConnection, connect

from maquette.settings import Connections

# Real projects start to follow the database when the first subscriber comes: that takes seconds.
PATIENCE_S = 30


@dataclass(frozen=True)
class Frame:
    """One message; ``ref`` and ``join_ref`` are strings or None."""

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: dict[str, Any]


class Line:
    """One socket. What arrives is kept until somebody waits for it."""

    def __init__(self, socket: ClientConnection, vsn: str) -> None:
        self._socket, self._vsn = socket, vsn
        self._arrived: list[Frame] = []
        self._refs = 0

    def send(self, topic: str, event: str, payload: dict[str, Any], join_ref: str | None = None) -> str:
        """Send a message; a join names itself as its ``join_ref``. Answers its ``ref``."""
        self._refs += 1
        ref = str(self._refs)
        if event == "phx_join":
            join_ref = ref
        if self._vsn == "2.0.0":
            self._socket.send(json.dumps([join_ref, ref, topic, event, payload]))
        else:
            message = {"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
            self._socket.send(json.dumps(message))
        return ref

    def wait(
        self, topic: str, event: str, of: Callable[[Frame], bool] = lambda frame: True, within_s: float = PATIENCE_S
    ) -> Frame:
        """The first message of this kind that came or comes; others are kept."""
        deadline = time.monotonic() + within_s
        while True:
            for frame in self._arrived:
                if (frame.topic, frame.event) == (topic, event) and of(frame):
                    self._arrived.remove(frame)
                    return frame
            try:
                self._arrived.append(self._receive(deadline - time.monotonic()))
            except TimeoutError:
                raise AssertionError(f"no {event} on {topic}; these came: {self._arrived}") from None

    def beat(self) -> Frame:
        """A heartbeat's answer. What the service sent on this socket before it has arrived then, too."""
        ref = self.send("phoenix", "heartbeat", {})
        return self.wait("phoenix", "phx_reply", lambda frame: frame.ref == ref)

    def kept(self, topic: str, event: str) -> list[Frame]:
        """What arrived so far and nobody waited for."""
        return [frame for frame in self._arrived if (frame.topic, frame.event) == (topic, event)]

    def join(self, name: str, *bindings: dict[str, Any], token: str | None = None) -> Channel:
        """Join a channel and wait until changes are followed."""
        channel = self.ask(name, *bindings, token=token)
        reply = channel.reply()
        assert reply.payload["status"] == "ok", reply.payload
        channel.ids = [each["id"] for each in reply.payload["response"]["postgres_changes"]]
        system = channel.system()
        assert system.payload["status"] == "ok", system.payload
        return channel

    def ask(self, name: str, *bindings: dict[str, Any], token: str | None = None) -> Channel:
        """Send a join and wait for nothing."""
        config = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "private": False,
            "postgres_changes": list(bindings),
        }
        payload = {"config": config} | ({"access_token": token} if token else {})
        return Channel(self, f"realtime:{name}", self.send(f"realtime:{name}", "phx_join", payload))

    def _receive(self, timeout_s: float) -> Frame:
        message = json.loads(self._socket.recv(timeout=max(0.0, timeout_s)))
        if self._vsn == "2.0.0":
            assert isinstance(message, list)
            return Frame(*message)
        # join_ref may be left out of objects.
        return Frame(message.get("join_ref"), *(message[name] for name in ("ref", "topic", "event", "payload")))


@dataclass
class Channel:
    """A joined channel; ``ids`` are its subscriptions' in the order they were asked for."""

    line: Line
    topic: str
    ref: str
    ids: list[int] | None = None

    def reply(self) -> Frame:
        """The answer to the join."""
        return self.line.wait(self.topic, "phx_reply", lambda frame: frame.ref == self.ref)

    def system(self) -> Frame:
        """What the service says about following changes."""
        return self.line.wait(self.topic, "system")

    def change(self, of: Callable[[dict[str, Any]], bool] = lambda data: True) -> Frame:
        """The next change, or the next whose data ``of`` is true of."""
        return self.line.wait(self.topic, "postgres_changes", lambda frame: of(frame.payload["data"]))

    def hears(self, of: Callable[[dict[str, Any]], bool], within_s: float) -> bool:
        """Whether such a change comes in that time."""
        try:
            self.line.wait(self.topic, "postgres_changes", lambda frame: of(frame.payload["data"]), within_s)
        except AssertionError:
            return False
        return True

    def send(self, event: str, payload: dict[str, Any]) -> str:
        """Send on this channel."""
        return self.line.send(self.topic, event, payload, self.ref)

    def told(self, row: object) -> list[dict[str, Any]]:
        """The data of a row's changes that arrived and nobody waited for."""
        kept = [frame.payload["data"] for frame in self.line.kept(self.topic, "postgres_changes")]
        return [data for data in kept if (data.get("record") or {}).get("id") == str(row)]


@contextmanager
def open_line(target: Connections, key: str | None, vsn: str = "2.0.0") -> Iterator[Line]:
    """A socket, opened as the clients open it."""
    query = urlencode(({"apikey": key} if key else {}) | {"vsn": vsn})
    url = f"{target.supabase_url.replace('http', 'ws', 1)}/realtime/v1/websocket?{query}"
    with connect(url, proxy=None if target.embedded else True, open_timeout=PATIENCE_S) as socket:
        yield Line(socket, vsn)
