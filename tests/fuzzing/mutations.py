"""Ways to spoil a file, each a function of a random generator and bytes: blind ones, and ones that know the form."""

from __future__ import annotations

import copy
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

Mutate = Callable[[random.Random, bytes], bytes]

ODD_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
ODD_WORDS = (b"0", b"-1", b"nan", b"inf", b"1e999", b"99999999999999999999", b"2147483648", b"", b"\xff", b"x" * 5000)
ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**64, 10**400, 1e308, -1e308, float("nan"), float("inf"), "", "\0", "\ud800", "x" * 3000,
    "../../etc/passwd", "/dev/zero", [], {}, [[]], [None], {"": None},
)  # fmt: skip


def spoil(rng: random.Random, data: bytes) -> bytes:
    """One to four blind changes."""
    for _ in range(rng.randint(1, 4)):
        data = rng.choice(_BLIND)(rng, data)
    return data[: 4 << 20]


def _flip(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _number(rng: random.Random, data: bytes) -> bytes:
    """An odd number in place of 1, 2, 4 or 8 bytes: counts, sizes and offsets lie anywhere, most near the beginning."""
    width = rng.choice((1, 2, 4, 8))
    if len(data) < width:
        return data
    place = rng.randrange(min(len(data), rng.choice((64, 512, len(data)))))
    value = (rng.choice(ODD_NUMBERS) % (1 << 8 * width)).to_bytes(width, rng.choice(("little", "big")))
    return data[:place] + value + data[place + width :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.randint(1, 40) :]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start : start + rng.randint(1, 200)] * rng.randint(2, 5) + data[start:]


def _noise(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + rng.randbytes(rng.randint(1, 24)) + data[start + rng.randint(0, 24) :]


def _word(rng: random.Random, data: bytes) -> bytes:
    """Another word where digits stand, as in headers of text."""
    found = list(re.finditer(rb"-?\d[\d.e+-]*", data[:65536]))
    if not found:
        return _noise(rng, data)
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(ODD_WORDS) + data[one.end() :]


def _line(rng: random.Random, data: bytes) -> bytes:
    """A line twice, gone, or in another place."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return _repeat(rng, data)
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    taken = lines.pop(at) if rng.random() < 0.6 else lines[at]
    if rng.random() < 0.7:
        lines.insert(to, taken)
    return b"".join(lines)


_BLIND: Sequence[Mutate] = (_flip, _number, _number, _cut, _drop, _repeat, _noise, _word, _line)


def spoil_json(rng: random.Random, data: bytes) -> bytes:
    """JSON that stays JSON with odd values in it, now and then nested without end or cut."""
    if rng.random() < 0.15:
        return spoil(rng, data)
    try:
        root = [json.loads(data)]
    except ValueError:
        return spoil(rng, data)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(root))
        holder, key = rng.choice(places)
        match rng.randrange(5):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case 2 if isinstance(holder, dict):
                holder[str(rng.choice(ODD_VALUES))[:50]] = copy.deepcopy(rng.choice(ODD_VALUES))
            case _:
                holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))
        if not root:
            break
    text = json.dumps(root[0] if root else None)
    if rng.random() < 0.03:
        text = text.replace("null", "[" * 100_000, 1)
    return text.encode()


def _places(holder: Any, depth: int = 0) -> Any:
    entries = list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
    for key, value in entries[:200]:
        yield holder, key
        if isinstance(value, dict | list) and depth < 12:
            yield from _places(value, depth + 1)


def in_zip(inner: Callable[[str], Mutate]) -> Mutate:
    """Spoil one file inside a ZIP by what its name asks for, so that the archive around it stays sound; or the list of
    files; or, now and then, the whole."""

    def mutate(rng: random.Random, data: bytes) -> bytes:
        if rng.random() < 0.25:
            return spoil(rng, data)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                files = [(entry, archive.read(entry)) for entry in archive.infolist()]
        except (zipfile.BadZipFile, OSError, ValueError, zlib.error, RuntimeError, NotImplementedError):
            return spoil(rng, data)
        if not files:
            return spoil(rng, data)
        at = rng.randrange(len(files))
        entry, content = files[at]
        match rng.randrange(8):
            case 0:
                entry.filename = rng.choice(("../../x", "/etc/x", "", "a" * 300, "\\x", entry.filename * 2))
            case 1:
                files.pop(at)
            case _:
                files[at] = (entry, inner(entry.filename)(rng, content))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for one, content in files:
                told = zipfile.ZipInfo(one.filename, (1980, 1, 1, 0, 0, 0))
                told.compress_type, told.external_attr = one.compress_type, one.external_attr
                archive.writestr(told, content)
        return out.getvalue()

    return mutate


def by_name(name: str) -> Mutate:
    """What suits a file of this name."""
    return spoil_json if name.endswith(".json") else spoil


def packed(inner: Mutate, unpack: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]) -> Mutate:
    """Spoil what is compressed, and compress it again; now and then the outside."""

    def mutate(rng: random.Random, data: bytes) -> bytes:
        return spoil(rng, data) if rng.random() < 0.2 else pack(inner(rng, unpack(data)))

    return mutate
