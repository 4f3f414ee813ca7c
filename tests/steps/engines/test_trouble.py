"""Engines that hang, take too much, lie about what they made, or must be ended: nothing of them is left."""

from __future__ import annotations

import os
import uuid

import pytest
from tests.steps.conftest import Recorder, StoppedError
from tests.steps.engines.programs import BEGIN, example, living, set_up

from maquette.steps import STEPS
from maquette.steps.engines import running
from maquette.steps.engines.engine import EngineLimits
from maquette.steps.engines.errors import (
    EngineError,
    EngineHungError,
    EngineOutOfMemoryError,
    EngineOutputRefusedError,
    EngineTimedOutError,
)
from maquette.steps.folder import Folder

WANTED = {"preset": "fastest", "long_side": 120, "engine": "command"}
HIDES = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)', {sign!r}], start_new_session=True)\n"
"""A process with a session of its own, which nobody would find by its group."""
GOOD = example().replace("import json, math, struct, sys", "import json, math, os, shutil, struct, sys, time")


@pytest.fixture
def sign() -> str:
    """Names processes of this test alone."""
    return f"engine-{uuid.uuid4().hex}"


@pytest.mark.parametrize(
    ("does", "limits", "kind"),
    [
        ("time.sleep(100)", EngineLimits(silence_s=0.6), EngineHungError),
        (
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass",
            EngineLimits(timeout_s=1),
            EngineTimedOutError,
        ),
        ("while True:\n    say(progress=0.5)\n    time.sleep(0.01)", EngineLimits(timeout_s=1), EngineTimedOutError),
        ("kept = bytearray(b'x') * 300_000_000\ntime.sleep(100)", EngineLimits(memory_mb=200), EngineOutOfMemoryError),
        (
            "(output / 'model.ply').write_bytes(bytes(3_000_000))\ntime.sleep(100)",
            EngineLimits(output_mb=2),
            EngineOutputRefusedError,
        ),
    ],
    ids=["hangs", "computes for ever", "talks for ever", "takes memory", "writes too much"],
)
def test_a_limit_ends_it_with_all_that_it_started(
    folder: Folder,
    sign: str,
    does: str,
    limits: EngineLimits,
    kind: type[EngineError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "GRACE_S", 0.3)
    monkeypatch.setattr(running, "MEASURE_EVERY", 2)
    set_up(folder, "command", BEGIN + HIDES.format(sign=sign) + "say(progress=0.1)\n" + does, limits, sign)
    with pytest.raises(kind) as ended:
        STEPS["generate"].run(folder.root, WANTED, Recorder())
    assert ended.value.suggestion and "engine_fallback" in ended.value.suggestion
    assert living(sign) == []


def test_what_it_leaves_running_when_it_ends_well_is_ended_too(folder: Folder, sign: str) -> None:
    set_up(folder, "command", BEGIN + HIDES.format(sign=sign), None, sign)
    with pytest.raises(EngineOutputRefusedError):
        STEPS["generate"].run(folder.root, WANTED, Recorder())
    assert living(sign) == []


def test_whoever_stops_the_step_stops_the_engine_which_is_asked_first(folder: Folder, sign: str) -> None:
    asks = (
        "def asked(*_):\n    (folder / 'work/asked').write_text('yes')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, asked)\nsay(progress=0.5, message='ready')\ntime.sleep(100)\n"
    )
    set_up(folder, "command", BEGIN + HIDES.format(sign=sign) + asks, None, sign)
    with pytest.raises(StoppedError):
        STEPS["generate"].run(folder.root, WANTED, Recorder(stop=lambda stage, message: "ready" in message))
    assert (folder.root / "engine/command/work/asked").read_text() == "yes"
    assert living(sign) == []


LIES: dict[str, tuple[str, str]] = {
    "nothing": ("(output / 'model.ply').unlink()", "left no output/model.ply"),
    "other format": ("(output / 'model.ply').write_text('gl' * 1000)", "PLY"),
    "cut": ("os.truncate(output / 'model.ply', 2000)", "ends early"),
    "not finite": (
        "data = bytearray((output / 'model.ply').read_bytes())\n"
        "data[-68:-64] = struct.pack('<f', float('nan'))\n(output / 'model.ply').write_bytes(data)",
        "not finite",
    ),
    "claims billions": (
        "data = (output / 'model.ply').read_bytes().replace(b'element vertex ', b'element vertex 999999')\n"
        "(output / 'model.ply').write_bytes(data)",
        "where at most 5000000 are allowed",
    ),
    "a link": (
        "(output / 'model.ply').rename(folder / 'work/model.ply')\n"
        "(output / 'model.ply').symlink_to(folder / 'work/model.ply')",
        "is a link",
    ),
    "behind a link": (
        "output.rename(folder / 'work/elsewhere')\noutput.symlink_to(folder / 'work/elsewhere')",
        "is a link",
    ),
    "another's file": (
        "(output / 'model.ply').unlink()\nos.link(folder / 'input/model.txt', output / 'model.ply')",
        "no file of its own",
    ),
    "a pipe": ("(output / 'model.ply').unlink()\nos.mkfifo(output / 'model.ply')", "no file of its own"),
    "a folder": ("(output / 'model.ply').unlink()\n(output / 'model.ply').mkdir()", "no file of its own"),
    "invisible": (
        "data = (output / 'model.ply').read_bytes()\nhead, end, body = data.partition(b'end_header\\n')\n"
        "rows = [list(row) for row in struct.iter_unpack('<17f', body)]\n"
        "[row.__setitem__(9, -20.0) for row in rows]\n"
        "(output / 'model.ply').write_bytes(head + end + b''.join(struct.pack('<17f', *row) for row in rows))",
        "opaque",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_it_made_is_a_strangers_file(folder: Folder, lie: str) -> None:
    does, told = LIES[lie]
    program = f"{GOOD}\noutput = folder / 'output'\n(folder / 'input/model.txt').write_text('other')\n{does}\n"
    set_up(folder, "command", program)
    sink = Recorder()
    with pytest.raises(EngineOutputRefusedError, match=told) as refused:
        STEPS["generate"].run(folder.root, WANTED, sink)
    assert str(folder.root) not in str(refused.value.as_dict())
    assert sink.models == [] and folder.next_version() == 0


def test_a_model_that_no_photo_shows_is_the_engines_fault(folder: Folder) -> None:
    far = GOOD.replace('struct.pack("<17f", x,', 'struct.pack("<17f", x + 1e4,')
    assert far != GOOD
    set_up(folder, "command", far)
    with pytest.raises(EngineOutputRefusedError):
        STEPS["generate"].run(folder.root, WANTED, Recorder())
    assert folder.next_version() == 0


def test_more_than_the_call_allows_is_refused(folder: Folder) -> None:
    set_up(folder, "command", example())
    with pytest.raises(EngineOutputRefusedError, match="at most 100 are allowed"):
        STEPS["generate"].run(folder.root, {**WANTED, "max_gaussians": 100}, Recorder())


def test_garbage_for_progress_does_no_harm(folder: Folder) -> None:
    garbage = [
        '{"progress": "much"}', '{"progress": NaN}', '{"progress": 7}', '{"progress": -1}', '{"progress": true}',
        "[" * 5000, '{"message": 5}', "{", "\\x00\\x1b[2J",
    ]  # fmt: skip
    lines = "".join(f"print({line!r}.encode().decode('unicode_escape'), flush=True)\n" for line in garbage)
    flood = "sys.stdout.write('x' * 3_000_000)\nprint()\nfor _ in range(20_000): print('line')\n"
    good = "say(progress=0.25, message='at /etc/passwd \\x1b[2J')\n"
    set_up(folder, "command", BEGIN + lines + good + flood + "say(version='../../etc')\nsys.exit(4)")
    sink = Recorder()
    with pytest.raises(EngineError) as failed:
        STEPS["generate"].run(folder.root, WANTED, sink)
    assert failed.value.details["exit"] == "exit code 4"
    told = {(fraction, message) for stage, fraction, message in sink.progressed if message.startswith("command")}
    assert {fraction for fraction, _ in told} == {0.0, 0.25}
    assert (0.25, "command: at passwd  [2J") in told, told


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_nothing_of_ours_stays_open(folder: Folder) -> None:
    set_up(folder, "command", BEGIN + "sys.exit(1)")
    opened = []
    for _ in range(2):
        with pytest.raises(EngineError):
            STEPS["generate"].run(folder.root, WANTED, Recorder())
        opened.append(descriptors())
    assert opened[0] == opened[1]
