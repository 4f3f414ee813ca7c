"""Bytes as requests: to the form of an upload, and to what storage and realtime read of a caller."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request

from maquette.api.capacity import Room
from maquette.api.incoming import FormLimits, receive
from maquette.embedded.realtime.bindings import BindingRefused, identifiers, parse_binding
from maquette.embedded.realtime.frames import MalformedFrame, decode, encode
from maquette.embedded.storage import bodies, downloads, tus
from maquette.embedded.storage.faults import Fault
from maquette.embedded.storage.files import FileStore
from maquette.embedded.storage.service import json_body, seconds_field, text_field
from maquette.settings import Settings

FORM = [(b"content-type", b"multipart/form-data; boundary=b")]


def request(body: bytes, headers: list[tuple[bytes, bytes]]) -> Request:
    """One whose body comes in three pieces."""
    third = max(1, len(body) // 3)
    pieces = [body[:third], body[third : 2 * third], body[2 * third :]]

    async def incoming() -> dict[str, Any]:
        if not pieces:
            raise ClientDisconnect
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, incoming)


def take_form(body: bytes, folder: Path) -> None:
    """POST /upload's form. What it lets in must be text that a database and JSON can hold."""
    into = folder / uuid4().hex
    into.mkdir()
    limits = FormLimits(5, 1, 2, Room(Settings(home=folder, disk_floor_mb=0)), staged=True)
    received = asyncio.run(receive(request(body, FORM), into, limits))
    for name in (*received.filenames, *received.fields.values(), *received.staged.values()):
        assert "/" not in name or name in received.fields.values() or name in received.staged.values()
        name.encode()
    assert {path.name for path in into.iterdir()} <= {f"{n:04d}" for n in range(len(received.filenames) + 1)}


def take_storage_form(body: bytes, folder: Path) -> None:
    """An object's upload."""

    async def take() -> None:
        incoming = await FileStore(folder / "storage").receive()
        try:
            described = await bodies.read_upload(request(body, FORM), incoming, 1000, lambda mime: None)
            described.mime.encode("latin-1")
        except Fault:
            pass
        finally:
            await incoming.discard()

    asyncio.run(take())


def read_storage_json(body: bytes) -> None:
    """A JSON body of storage, and what is looked for in it."""

    async def read() -> None:
        told = await json_body(request(body, []))
        for name in ("bucketId", "sourceKey", "name"):
            try:
                text_field(told, name).encode()
            except Fault:
                continue
        seconds_field(told, "expiresIn")

    try:
        asyncio.run(read())
    except Fault:
        return


def read_tus_headers(text: bytes) -> None:
    """Each line is a header."""
    pairs = [line.partition(b":") for line in text.split(b"\n") if line.strip()]
    asked = request(b"", [(name.strip().lower(), value.strip()) for name, _, value in pairs])
    for read in (
        tus.check_version,
        tus.read_length,
        tus.read_offset,
        lambda one: bodies.read_user_metadata(tus.read_metadata(one).get("metadata")),
        lambda one: bodies.read_user_metadata(one.headers.get("x-metadata"), encoded=True),
        lambda one: downloads._range(one.headers.get("range", ""), 100),
    ):
        try:
            read(asked)
        except (tus.TusFault, Fault):
            continue


def read_frame(data: bytes) -> None:
    """A message to realtime, and the subscriptions it asks for."""
    text = data.decode(errors="replace")
    for version in ("1.0.0", "2.0.0"):
        try:
            frame = decode(version, text)  # type: ignore[arg-type]
        except MalformedFrame:
            continue
        encode(version, frame.join_ref, frame.ref, frame.topic, "phx_reply", {}).encode()  # type: ignore[arg-type]
        config = frame.payload.get("config")
        wanted = config.get("postgres_changes") if isinstance(config, dict) else None
        entries = [one for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []
        for number, entry in zip(identifiers(entries), entries, strict=True):
            try:
                str(parse_binding(number, entry))
            except BindingRefused:
                continue
