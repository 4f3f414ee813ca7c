"""One joined topic of one socket: its caller, its subscriptions, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from maquette.embedded.callers import Caller
from maquette.embedded.realtime.bindings import Binding, Wanted
from maquette.embedded.realtime.frames import Version, encode, encode_around
from maquette.embedded.realtime.outbox import Outbox
from maquette.embedded.realtime.registry import Registry, Subscription, Viewer

TOPIC_PREFIX = "realtime:"
_LONGEST_TIMER_S = 3600.0


class Channel:
    """Pushes to its socket's outbox. ``ended`` is called once, when the channel is over for whatever reason."""

    def __init__(
        self,
        topic: str,
        join_ref: str | None,
        version: Version,
        outbox: Outbox,
        registry: Registry,
        ended: Callable[[Channel], None],
    ) -> None:
        self.topic = topic
        self.join_ref = join_ref
        self.version = version
        self.token: str | None = None
        self.wanted: list[Wanted] = []
        self._outbox = outbox
        self._registry = registry
        self._ended = ended
        self._subscriptions: list[Subscription] = []
        self._expiry: asyncio.TimerHandle | None = None
        self._expires_at: float | None = None
        self._over = False
        # Every change goes to many channels: what is the same in all its frames is written once. JSON holds no NUL.
        whole = encode_around(version, None, None, topic, "postgres_changes", "\0")
        self._before_change, _, self._after_change = whole.partition("\0")

    @property
    def name(self) -> str:
        """The topic as the client named it."""
        return self.topic.removeprefix(TOPIC_PREFIX)

    def admit(self, caller: Caller, token: str | None) -> None:
        """From now on the channel lives as long as this caller's token."""
        self.token = token
        ends = caller.claims.get("exp")
        self._expires_at = None if ends is None else float(ends)  # a number, or the text of one, as verified
        self._set_timer()

    def follow(self, caller: Caller, bindings: Sequence[Binding]) -> None:
        """Put these subscriptions in force in place of the ones before, without a gap."""
        if self._over:  # it ended while its caller was looked at
            return
        before = self._subscriptions
        viewer = Viewer.of(caller)
        self._subscriptions = [Subscription(self, viewer, binding) for binding in bindings]
        self._registry.add(self._subscriptions)
        self._registry.remove(before)

    def reply(self, ref: str | None, status: str, response: dict[str, Any]) -> None:
        """Answer one of the client's messages."""
        payload = {"status": status, "response": response}
        self._outbox.put(encode(self.version, self.join_ref, ref, self.topic, "phx_reply", payload))

    def push(self, event: str, payload: dict[str, Any]) -> None:
        """Tell the client something it did not ask for."""
        self._outbox.put(encode(self.version, None, None, self.topic, event, payload))

    def push_changes(self, payload: str) -> None:
        """Tell of a change; the payload is JSON already."""
        if self._over:  # it ended while the row was read
            return
        self._outbox.put(f"{self._before_change}{payload}{self._after_change}")

    def push_system(self, extension: str, status: str, message: str) -> None:
        """Say how it stands with a subscription or with the channel itself."""
        self.push("system", {"extension": extension, "status": status, "message": message, "channel": self.name})

    def close(self) -> None:
        """The regular end. supabase-js does not join again by itself."""
        self._end("phx_close")

    def fail(self) -> None:
        """The end after which clients join again by themselves: something was or may have been missed."""
        self._end("phx_error")

    def shut(self, message: str) -> None:
        """The end for a reason that the client should read."""
        self.push_system("system", "error", message)
        self.close()

    def forget(self) -> None:
        """The socket has gone: nothing is to be said any more."""
        self._over = True
        self._registry.remove(self._subscriptions)
        self._subscriptions = []
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _end(self, event: str) -> None:
        self.forget()
        self._ended(self)
        self._outbox.put(encode(self.version, self.join_ref, self.join_ref, self.topic, event, {}))

    def _set_timer(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self._expires_at is not None:
            # Not longer than an hour: the clock may be set, and a token may end beyond what a timer can count.
            wait_s = min(max(self._expires_at - time.time(), 0.0), _LONGEST_TIMER_S)
            self._expiry = asyncio.get_running_loop().call_later(wait_s, self._look_at_clock)

    def _look_at_clock(self) -> None:
        over_s = time.time() - (self._expires_at or 0.0)
        if over_s >= 0:
            self.shut(f"Token has expired {int(over_s)} seconds ago")
        else:
            self._set_timer()
