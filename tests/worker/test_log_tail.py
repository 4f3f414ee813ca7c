"""The end of a run's log: what of it may leave the machine, and which attempt may write it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg_pool import AsyncConnectionPool
from tests.execution.house import House

from maquette.db import run_logs
from maquette.db.rows import Row
from maquette.worker.log_tail import LONGEST_LINE, MOST_BYTES, Tail, follow_log
from maquette.worker.services import Services, open_services


@pytest.fixture
def told(tmp_path: Path) -> Callable[[bytes], list[str]]:
    """What is told of these bytes."""

    def lines_of(data: bytes) -> list[str]:
        path = tmp_path / "log.txt"
        path.unlink(missing_ok=True)
        tail = Tail(path, [tmp_path, Path("/srv/maquette home")])
        path.write_bytes(data)
        assert tail.look() is bool(data)
        return tail.lines

    return lines_of


class TestWhatIsTold:
    def test_no_path_of_the_machine(self, told: Callable[[bytes], list[str]], tmp_path: Path) -> None:
        lines = told(
            f'  File "{tmp_path}/sfm/scene.bin", line 3\n'
            "cannot open /srv/maquette home/models/x.onnx\n"
            '  File "/usr/lib/python3/dist-packages/a/b.py", line 9\n'
            "read ~/photos/1.jpg and file:///opt/secret/place/2.jpg, --out=/mnt/disk7/out\n".encode()
        )
        assert lines == [
            '  File "…/sfm/scene.bin", line 3',
            "cannot open …/models/x.onnx",
            '  File "…/b.py", line 9',
            "read …/1.jpg and file://…/2.jpg, --out=…/out",
        ]

    def test_what_is_no_path_stays(self, told: Callable[[bytes], list[str]]) -> None:
        text = "3/8 views at 1.5 s/view, see http://127.0.0.1:8400/docs/a and refs/heads/main; yes/no"
        assert told(text.encode() + b"\n") == [text]

    def test_no_control_characters(self, told: Callable[[bytes], list[str]]) -> None:
        lines = told(
            b"\x1b[1;31mred\x1b[0m\x00 a\tb\x07\x9b\n10 %\r20 %\r\n\xe2\x80\xaeturned\xff\n\x1b]0;title\x07x\n"
        )
        assert lines == ["red a b�", "20 %", "turned�", "x"]

    def test_no_secret(self, told: Callable[[bytes], list[str]]) -> None:
        assert told(b"GET https://x.supabase.co/a?token=hush\n") == ["GET https://x.supabase.co/a?token=…"]

    def test_long_lines_are_cut(self, told: Callable[[bytes], list[str]]) -> None:
        line, after = told(b"x" * 500_000 + b"\nshort\n")
        assert after == "short" and len(line) == LONGEST_LINE
        (line,) = told("ä".encode() * 5000 + b"\n")
        assert len(line) == LONGEST_LINE and line.endswith("…")

    def test_the_last_lines_and_one_more(self, told: Callable[[bytes], list[str]]) -> None:
        lines = told(b"".join(b"%d\n" % number for number in range(500)))
        assert len(lines) == run_logs.KEPT_LINES + 1 and lines[-1] == "499"

    def test_an_unfinished_line_is_told_too(self, told: Callable[[bytes], list[str]]) -> None:
        assert told(b"one\ntw") == ["one", "tw"]


class TestGrowing:
    def test_a_line_that_came_in_two_parts_is_one(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        tail = Tail(path, [])
        assert not tail.look() and tail.lines == []
        with path.open("ab", buffering=0) as file:
            file.write("grö".encode()[:-1])
            assert tail.look()
            file.write("grö".encode()[-1:] + b"sse\nnext")
            assert tail.look() and not tail.look()
        assert tail.lines == ["grösse", "next"]

    def test_what_earlier_attempts_wrote_is_not_ours(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        path.write_bytes(b"of the first attempt\n")
        tail = Tail(path, [])
        with path.open("ab") as file:
            file.write(b"of the second\n")
        assert tail.look() and tail.lines == ["of the second"]

    def test_a_file_begun_anew_is_read_from_its_beginning(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        path.write_bytes(b"much that was there before\n")
        tail = Tail(path, [])
        path.write_bytes(b"new\n")
        assert tail.look() and tail.lines == ["new"]

    def test_of_a_flood_only_the_end_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        tail = Tail(path, [])
        with path.open("wb") as file:
            file.write(b"first line\n")
            file.seek(50 * MOST_BYTES, os.SEEK_SET)
            file.write(b"\nlast line\n")
        assert tail.look() and tail.lines == ["last line"]


@pytest.fixture
async def services(house: House) -> Services:
    return await open_services(house.settings, house.pool, house.objects)


async def read(house: House, run: Row) -> Row:
    async with house.pool.connection() as conn:
        row = await run_logs.read(conn, run["id"])
    assert row is not None
    return row


async def test_the_end_is_kept_before_it_returns(house: House, services: Services, tmp_path: Path) -> None:
    run = await house.started("generate")
    path, stop = tmp_path / "log.txt", asyncio.Event()
    following = asyncio.create_task(follow_log(services, run, path, stop, every_s=60))
    path.write_text(f"working in {tmp_path}/x\n{tempfile.gettempdir()}/y\nlast words")
    stop.set()
    await following
    row = await read(house, run)
    assert row["attempt"] == 1 and row["lines"] == ["working in …/x", "…/y", "last words"]


async def test_it_follows_while_the_process_writes(house: House, services: Services, tmp_path: Path) -> None:
    run = await house.started("generate")
    path, stop = tmp_path / "log.txt", asyncio.Event()
    following = asyncio.create_task(follow_log(services, run, path, stop, every_s=0.02))
    path.write_text("one\n")
    row = None
    for _ in range(1000):
        async with house.pool.connection() as conn:
            row = await run_logs.read(conn, run["id"])
        if row is not None:
            break
        await asyncio.sleep(0.02)
    assert row is not None and row["lines"] == ["one"]
    stop.set()
    await following
    assert (await read(house, run))["updated_at"] == row["updated_at"], "nothing new: nothing written"


async def test_an_older_attempt_never_overwrites_a_newer(house: House, services: Services, tmp_path: Path) -> None:
    first = await house.started("generate")
    second = await house.again(first)
    assert (second["attempt"], first["attempt"]) == (2, 1)
    async with house.pool.connection() as conn:
        assert await run_logs.write(conn, second["id"], 2, ["of the second"])
        assert not await run_logs.write(conn, first["id"], 1, ["of the first"])
    path, stop = tmp_path / "log.txt", asyncio.Event()
    following = asyncio.create_task(follow_log(services, first, path, stop, every_s=0.02))
    path.write_text("still talking\n")
    async with asyncio.timeout(20):
        await following  # ends by itself: it was taken over
    assert (await read(house, first))["lines"] == ["of the second"]


async def test_a_database_that_is_away_ends_nothing(house: House, services: Services, tmp_path: Path) -> None:
    run = await house.started("generate")
    path, stop = tmp_path / "log.txt", asyncio.Event()
    gone = AsyncConnectionPool("host=127.0.0.1 port=1 dbname=x", min_size=1, timeout=0.1, open=False)
    await gone.open()
    try:
        following = asyncio.create_task(follow_log(replace(services, pool=gone), run, path, stop, every_s=0.02))
        path.write_text("lost\n")
        await asyncio.sleep(0.2)
        stop.set()
        async with asyncio.timeout(20):
            await following
    finally:
        await gone.close()


async def test_a_log_that_was_shortened_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = Tail(path, [])
    path.write_text("".join(f"{number}\n" for number in range(50)))
    assert tail.look()
    path.write_text("0\n… about 92 bytes are left out here …\n48\n49\n")
    assert tail.look() and tail.lines == ["0", "… about 92 bytes are left out here …", "48", "49"]
