"""A picture as a file of the cache: its bytes, and before them what is known of it. One file, so that both come and go
together."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.recon.atomic import replacing

_HEAD = struct.Struct("<8sIQ")
_MAGIC = b"mqpic01\n"


@dataclass(frozen=True)
class Picture:
    """An encoded picture and facts about it, such as the scale of its colours."""

    data: bytes
    facts: dict[str, Any]


def write_picture_file(path: Path, picture: Picture) -> None:
    """Write it whole or not at all."""
    facts = json.dumps(picture.facts).encode()
    with replacing(path) as file:
        file.write(_HEAD.pack(_MAGIC, len(facts), len(picture.data)))
        file.write(facts)
        file.write(picture.data)


def read_picture_file(path: Path) -> Picture | None:
    """The picture; None where there is none, or something else, or one that a broken disk cut short."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) < _HEAD.size:
        return None
    magic, facts, data = _HEAD.unpack_from(content)
    if magic != _MAGIC or len(content) != _HEAD.size + facts + data:
        return None
    begin = _HEAD.size + facts
    return Picture(content[begin:], json.loads(content[_HEAD.size : begin]))
