"""Phoenix frames, as text: arrays for ``vsn=2.0.0`` (supabase-js), objects for ``1.0.0`` (realtime-py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

Version = Literal["1.0.0", "2.0.0"]

HEARTBEAT_TOPIC = "phoenix"


class MalformedFrame(Exception):  # noqa: N818 - the client's mistake, answered by closing its socket
    """Text that is no frame of this version."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message from a client."""

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: dict[str, Any]


def decode(version: Version, text: str) -> Frame:
    """A client's text as a frame."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedFrame("not JSON") from None
    if version == "2.0.0":
        if not isinstance(raw, list) or len(raw) != 5:
            raise MalformedFrame("not an array of five")
        join_ref, ref, topic, event, payload = raw
    else:
        if not isinstance(raw, dict):
            raise MalformedFrame("not an object")
        join_ref, ref, topic = raw.get("join_ref"), raw.get("ref"), raw.get("topic")
        event, payload = raw.get("event"), raw.get("payload")
    if not isinstance(topic, str) or not isinstance(event, str) or not isinstance(payload, dict):
        raise MalformedFrame("topic, event or payload missing")
    if version == "1.0.0" and event == "phx_join" and join_ref is None:
        join_ref = ref
    return Frame(_reference(join_ref), _reference(ref), topic, event, payload)


def _reference(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    raise MalformedFrame("a reference is neither text nor a number")


def encode(
    version: Version, join_ref: str | None, ref: str | None, topic: str, event: str, payload: dict[str, Any]
) -> str:
    """A frame as the client reads it."""
    return encode_around(version, join_ref, ref, topic, event, json.dumps(payload))


def encode_around(version: Version, join_ref: str | None, ref: str | None, topic: str, event: str, payload: str) -> str:
    """As :func:`encode`, around a payload that is JSON already."""
    if version == "2.0.0":
        return f"[{json.dumps(join_ref)},{json.dumps(ref)},{json.dumps(topic)},{json.dumps(event)},{payload}]"
    # As Phoenix's first serializer: without join_ref.
    return f'{{"topic":{json.dumps(topic)},"event":{json.dumps(event)},"payload":{payload},"ref":{json.dumps(ref)}}}'
