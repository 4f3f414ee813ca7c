"""One socket's conversation: joins, leaves, tokens, heartbeats.

The answers are those of supabase/realtime (realtime_web/channels/realtime_channel.ex, release of August 2026) and of
the Phoenix framework under it (phoenix/socket.ex): which refusal is an error reply and which a system message, and
whether a channel ends with phx_close (a client stays away) or phx_error (it joins again).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db.connection import Pool
from maquette.db.listener import Listener
from maquette.embedded.callers import Caller, CredentialRefused, Keys, caller_by_credential
from maquette.embedded.realtime.bindings import MOST_BINDINGS, BindingRefused, bind, identifiers, parse_binding
from maquette.embedded.realtime.catalogue import Catalogue
from maquette.embedded.realtime.channel import TOPIC_PREFIX, Channel
from maquette.embedded.realtime.frames import HEARTBEAT_TOPIC, Frame, Version, encode
from maquette.embedded.realtime.outbox import Outbox
from maquette.embedded.realtime.registry import Registry

log = logging.getLogger("maquette.realtime")

MOST_CHANNELS = 100
"""Channels of one socket, as hosted."""

PATIENCE_S = 5.0
"""How long a join waits for the database. Clients give up after 10."""

_NO_DATABASE = "Realtime was unable to connect to the project database"
_SUBSCRIBED = "Subscribed to PostgreSQL"

# The real service's words for what is wrong with a token: a code for join replies, and a sentence.
_TOKEN_PROBLEMS = {
    "malformed": ("MalformedJWT", "The token provided is not a valid JWT"),
    "signature": ("JwtSignatureError", "Failed to validate JWT signature"),
    "expired": ("InvalidJWTToken", "Token has expired"),
    "claims": ("InvalidJWTToken", "Fields `role` and `exp` are required in JWT"),
}


@dataclass(frozen=True)
class Backstage:
    """What all sockets share."""

    keys: Keys
    pool: Pool
    listener: Listener
    catalogue: Catalogue
    registry: Registry


class JoinRefused(Exception):  # noqa: N818 - answered to the client
    """A join that is answered with an error; the message is the reason."""


class Session:
    """Takes a socket's frames one after the other; everything it says goes to the outbox."""

    def __init__(self, backstage: Backstage, version: Version, caller: Caller, outbox: Outbox) -> None:
        self._backstage = backstage
        self._version = version
        self._caller = caller
        self._outbox = outbox
        self._channels: dict[str, Channel] = {}

    async def take(self, frame: Frame) -> None:
        """Answer one frame."""
        channel = self._channels.get(frame.topic)
        match frame.event:
            case "heartbeat" if frame.topic == HEARTBEAT_TOPIC:
                self._reply(frame, "ok", {})
            case "phx_join":
                await self._join(frame)
            case "phx_leave":
                self._reply(frame, "ok", {})
                # A leave that was meant for an earlier join of the topic must not end the present one.
                if channel is not None and frame.join_ref in (channel.join_ref, None):
                    channel.close()
            case _ if channel is None:
                self._reply(frame, "error", {"reason": "unmatched topic"})
            case "access_token":
                await self._refresh(channel, frame.payload.get("access_token"))
            case "broadcast" | "presence":
                reason = f"{frame.event} is not offered here: this service tells of changes in Postgres"
                channel.reply(frame.ref, "error", {"reason": reason})
            case _:
                channel.reply(frame.ref, "error", {"reason": f"unknown event {frame.event[:100]}"})

    def end(self) -> None:
        """The socket has gone."""
        for channel in self._channels.values():
            channel.forget()
        self._channels.clear()

    async def _join(self, frame: Frame) -> None:
        if before := self._channels.get(frame.topic):
            before.close()
        channel = Channel(
            frame.topic, frame.join_ref, self._version, self._outbox, self._backstage.registry, self._drop
        )
        try:
            caller, token, params, config = self._read_join(frame)
            problem = await self._subscribe(channel, caller, params)
            if problem and _waits(config):
                raise JoinRefused(f"RealtimeDisabledForConfiguration: {problem}")
        except JoinRefused as refused:
            channel.forget()
            channel.reply(frame.ref, "error", {"reason": str(refused)})
            return
        self._channels[frame.topic] = channel
        echoed = [{**entry, "id": number} for entry, number in zip(params, identifiers(params), strict=True)]
        channel.reply(frame.ref, "ok", {"postgres_changes": echoed})
        channel.admit(caller, token)
        if _section(config, "presence").get("enabled") is True:
            channel.push("presence_state", {})
        _tell_outcome(channel, params, problem)

    def _read_join(self, frame: Frame) -> tuple[Caller, str | None, list[dict[str, Any]], dict[str, Any]]:
        if not frame.topic.startswith(TOPIC_PREFIX):
            raise JoinRefused("unmatched topic")
        if frame.topic == TOPIC_PREFIX:
            raise JoinRefused("TopicNameRequired: You must provide a topic name")
        if len(self._channels) >= MOST_CHANNELS:
            raise JoinRefused("ChannelRateLimitReached: Too many channels")
        config = _section(frame.payload, "config")
        if config.get("private") is True:
            # What a project without policies on realtime.messages answers.
            raise JoinRefused(
                f"Unauthorized: You do not have permissions to read from this Channel topic: "
                f"{frame.topic.removeprefix(TOPIC_PREFIX)}"
            )
        params = [entry for entry in config.get("postgres_changes") or () if entry is not None]
        if len(params) > MOST_BINDINGS or not all(isinstance(entry, dict) for entry in params):
            raise JoinRefused(f"InvalidJoinPayload: postgres_changes is a list of up to {MOST_BINDINGS} objects")
        token = frame.payload.get("access_token") or frame.payload.get("user_token")
        try:
            caller = self._identify(token)
        except CredentialRefused as refused:
            code, sentence = _TOKEN_PROBLEMS[refused.why]
            raise JoinRefused(f"{code}: {sentence}") from None
        return caller, token, params, config

    def _identify(self, token: object) -> Caller:
        # Keys are no tokens: supabase-js sends its own key where nobody has signed in, and the socket has shown one.
        if token is None or (isinstance(token, str) and token.startswith("sb_")):
            return self._caller
        if not isinstance(token, str):
            raise CredentialRefused("malformed", "not text")
        return caller_by_credential(token, self._backstage.keys)

    async def _subscribe(self, channel: Channel, caller: Caller, params: list[dict[str, Any]]) -> str | None:
        """Put the channel's subscriptions in force; what is wrong with them, if anything."""
        if not params:
            return None
        try:
            channel.wanted = [parse_binding(*one) for one in zip(identifiers(params), params, strict=True)]
        except BindingRefused as refused:
            return str(refused)
        if not await self._backstage.listener.until_listening(PATIENCE_S):
            raise JoinRefused(f"UnableToConnectToProject: {_NO_DATABASE}")
        return await self._bind(channel, caller)

    async def _bind(self, channel: Channel, caller: Caller) -> str | None:
        try:
            bindings = await bind(self._backstage.pool, self._backstage.catalogue, caller, channel.wanted)
        except BindingRefused as refused:
            channel.follow(caller, [])
            return str(refused)
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("could not look at tables for a subscription (%s)", type(error).__name__)
            raise JoinRefused(f"UnableToConnectToProject: {_NO_DATABASE}") from None
        channel.follow(caller, bindings)
        return None

    async def _refresh(self, channel: Channel, token: object) -> None:
        """Another token for a channel: no reply; the channel goes on under it, or ends."""
        if token is None or token == channel.token or (isinstance(token, str) and token.startswith("sb_")):
            return
        try:
            caller = self._identify(token)
        except CredentialRefused as refused:
            channel.shut(_TOKEN_PROBLEMS[refused.why][1])
            return
        channel.admit(caller, str(token))
        if channel.wanted:
            try:
                problem = await self._bind(channel, caller)
            except JoinRefused:
                channel.fail()
                return
            if self._channels.get(channel.topic) is channel:
                _tell_outcome(channel, channel.wanted, problem)

    def _drop(self, channel: Channel) -> None:
        if self._channels.get(channel.topic) is channel:
            del self._channels[channel.topic]

    def _reply(self, frame: Frame, status: str, response: dict[str, Any]) -> None:
        payload = {"status": status, "response": response}
        self._outbox.put(encode(self._version, frame.join_ref, frame.ref, frame.topic, "phx_reply", payload))


def _tell_outcome(channel: Channel, asked: list[Any], problem: str | None) -> None:
    if problem:
        channel.push_system("postgres_changes", "error", problem)
    elif asked:
        channel.push_system("postgres_changes", "ok", _SUBSCRIBED)


def _section(of: dict[str, Any], name: str) -> dict[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _waits(config: dict[str, Any]) -> bool:
    """Whether the client asked that a join fail where its subscriptions fail."""
    return _section(config, "postgres_changes_options").get("wait") is True
