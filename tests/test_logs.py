"""Each record is one line, says what it is about, and holds no key and no token."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from maquette.logs import JsonLines, TextLines, WithoutQuery, about, without_secrets

SERVE_AND_CONNECT = """
import asyncio, logging, sys, uvicorn
from websockets.asyncio.client import connect
from maquette.logs import log_to_stderr

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

async def main():
    log_to_stderr(sys.argv[1])
    logging.getLogger("websockets.client").setLevel("WARNING")  # the client beside it is no concern of ours
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"ws://127.0.0.1:{port}/realtime/v1/websocket?apikey=the-secret&vsn=2.0.0"
    async with connect(url, proxy=None) as socket:
        await socket.send("the-secret")
    server.should_exit = True
    await serving

asyncio.run(main())
"""


def test_addresses_of_websockets_lose_their_query() -> None:
    for level in ("info", "debug"):
        done = subprocess.run(
            [sys.executable, "-c", SERVE_AND_CONNECT, level], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "/realtime/v1/websocket" in done.stderr and "accepted" in done.stderr
        assert "the-secret" not in done.stderr


def test_the_filter_leaves_other_records_alone() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s is %s", ("a?b", 3), None)
    assert WithoutQuery().filter(record) and record.getMessage() == "a?b is 3"


def record(message: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("maquette.x", logging.WARNING, "", 0, message, arguments, exc_info)  # type: ignore[arg-type]


def test_a_json_line_says_what_it_is_about() -> None:
    with about(run_id="0b8f6a52-3a5e", project_id="6f1c", step="refine", attempt=2):
        line = JsonLines().format(record("stage %s\nended", "sfm"))
    told = json.loads(line)
    assert "\n" not in line
    assert datetime.fromisoformat(told.pop("time")).tzinfo == UTC
    assert told == {
        "level": "warning",
        "logger": "maquette.x",
        "message": "stage sfm\nended",
        "run_id": "0b8f6a52-3a5e",
        "project_id": "6f1c",
        "step": "refine",
        "attempt": 2,
    }
    assert "run_id" not in json.loads(JsonLines().format(record("after")))


def test_a_json_line_holds_the_trace() -> None:
    try:
        raise ValueError("postgresql://postgres:hush@db.example.org:5432/postgres")
    except ValueError:
        told = json.loads(JsonLines().format(record("broken", exc_info=sys.exc_info())))
    assert "ValueError" in told["exception"] and "hush" not in told["exception"]


def test_a_text_line_shows_the_head_of_the_run_and_cannot_be_forged() -> None:
    with about(run_id="0b8f6a52-3a5e-4b59-8d0f-6d1d6f0c2b22"):
        line = TextLines().format(record("GET %s", "/x\n2026-01-01 INFO maquette: all is well\x1b[2J"))
    assert "WARNING maquette.x: [0b8f6a52] GET /x" in line
    assert "\n" not in line and "\x1b" not in line


async def test_tasks_at_once_do_not_mix_what_they_are_about() -> None:
    async def one(name: str) -> list[str]:
        said = []
        with about(run_id=name):
            for _ in range(3):
                await asyncio.sleep(0)
                said.append(json.loads(JsonLines().format(record("x")))["run_id"])
        return said

    assert await asyncio.gather(one("a"), one("b")) == [["a"] * 3, ["b"] * 3]


@pytest.mark.parametrize(
    "text",
    [
        "connect to postgresql://postgres.ref:hush-hush-hush@pooler:5432/postgres failed",
        "GET /storage/v1/object/sign/b/k?token=hush-hush-hush&x=1",
        "wss://host/realtime/v1/websocket?apikey=hush-hush-hush&vsn=2.0.0",
        "Authorization: Bearer hush-hush-hush",
        "key sb_secret_hush-hush-hush refused",
        "X-API-Key: mqk_hush-hush-hush",
    ],
)
def test_what_looks_like_a_secret_is_cut_out(text: str) -> None:
    assert "hush" not in without_secrets(text)
    for form in (TextLines(), JsonLines()):
        assert "hush" not in form.format(record("%s", text))


def test_other_text_stays() -> None:
    text = "run 0b8f: 3 of 8 views, http://127.0.0.1:8400/docs, 12 dB; mean token count 4"
    assert without_secrets(text) == text


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_process_logs_in_the_form_it_was_told(form: str) -> None:
    code = (
        "import logging, sys; from maquette.logs import log_to_stderr; log_to_stderr('info', sys.argv[1]);"
        "logging.getLogger('a').info('said %d', 3); logging.getLogger('httpx').info('a signed address')"
    )
    done = subprocess.run([sys.executable, "-c", code, form], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    if form == "json":
        assert json.loads(line)["message"] == "said 3"
    else:
        assert line.endswith("INFO a: said 3")
