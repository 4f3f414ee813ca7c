"""Every way a step's process can end, with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.execution.house import model_record

from maquette.execution import child
from maquette.execution.process import Outcome, run_step_process
from maquette.recon.synthetic import make_capture
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Record, Warn

GENERATE = {"preset": "fastest", "iterations": 400, "long_side": 160, "max_gaussians": 800}


class Listener:
    """Remembers what a step's process says; ``at`` is called with every stage."""

    def __init__(self, at: Callable[[str], None] | None = None) -> None:
        self.stages: list[str] = []
        self.records: list[Record] = []
        self.warnings: list[Warn] = []
        self.at = at

    def progress(self, stage: str, fraction: float, message: str) -> None:
        self.stages.append(stage)
        if self.at is not None:
            self.at(stage)

    async def keep(self, record: Record) -> None:
        self.records.append(record)

    async def run(self, step: str, folder: Path, parameters: dict[str, object], memory_mb: int = 0) -> Outcome:
        return await run_step_process(
            step,
            folder,
            parameters,
            memory_mb=memory_mb,
            on_progress=self.progress,
            on_record=self.keep,
            on_warning=self.warnings.append,
        )


def processes_of(folder: Path) -> list[int]:
    """Living processes that were started to work in this folder, children of children too."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder).encode() in command and state != "Z":
            found.append(int(process.name))
    return found


async def gone(folder: Path) -> bool:
    for _ in range(100):
        if not processes_of(folder):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.fixture
def trainable(folder: Path) -> Path:
    """A folder whose cameras are placed already, so that generate begins with training."""
    write_json(folder / "project.json", {"views_kept": True})
    (folder / "images").mkdir()
    return folder


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, "step_killed"), (signal.SIGSEGV, "step_crashed"), (signal.SIGABRT, None)]
)
async def test_a_process_killed_while_it_trains_is_a_crash_with_a_reason(
    trainable: Path, number: signal.Signals, code: str | None
) -> None:
    def kill(stage: str) -> None:
        if stage == "training":
            for pid in processes_of(trainable):
                os.kill(pid, number)

    listener = Listener(kill)
    outcome = await listener.run("generate", trainable, GENERATE)
    assert outcome.error is not None
    assert outcome.error["code"] == (code or "step_crashed")
    assert outcome.error["suggestion"]
    assert listener.records == []
    if number != signal.SIGKILL:
        assert number.name in outcome.error["message"]


async def test_an_error_of_the_step_is_told_as_it_is(folder: Path) -> None:
    (folder / "images").mkdir()
    outcome = await Listener().run("generate", folder, {})
    assert outcome.status == 422 and outcome.error is not None
    assert outcome.error["code"] == "too_few_photos"


async def test_a_fault_of_ours_is_told_without_insides_and_logged_with_them(folder: Path) -> None:
    outcome = await Listener().run("export", folder, {"version": 7})
    assert outcome.error is not None and outcome.error["code"] == "internal_error"
    assert str(folder) not in str(outcome.error)
    assert "Traceback" in (folder / "log.txt").read_text()


async def test_a_step_over_its_memory_limit_says_so(trainable: Path) -> None:
    outcome = await Listener().run("generate", trainable, {**GENERATE, "iterations": 100_000}, memory_mb=60)
    assert outcome.error is not None
    assert outcome.error["code"] == "out_of_memory" and outcome.status == 503, outcome.error
    assert "MAQUETTE_STEP_MEMORY_MB" in outcome.error["suggestion"]


async def test_progress_result_and_timings_arrive(folder: Path) -> None:
    Folder(folder).save_model(model_record(Folder(folder), 0))
    listener = Listener()
    outcome = await listener.run("export", folder, {"version": 0, "format": "splat"})
    assert outcome.error is None, outcome.error
    assert outcome.result["format"] == "splat" and outcome.timings["peak_memory_mb"] > 1
    assert listener.stages[0] == "writing" and listener.stages[-1] == "checking"
    assert [record.type for record in listener.records] == ["export"]
    log = (folder / "log.txt").read_text()
    assert all(word in log for word in ("writing 0%", "keeping export", "done in")), log


async def test_a_record_that_cannot_be_kept_ends_the_step(folder: Path) -> None:
    class Full(Listener):
        async def keep(self, record: Record) -> None:
            raise ConnectionError("no")

    Folder(folder).save_model(model_record(Folder(folder), 0))
    with pytest.raises(ConnectionError):
        await Full().run("export", folder, {"version": 0})
    assert await gone(folder)


async def test_cancel_ends_the_camera_search_and_its_own_process(tmp_path: Path) -> None:
    """Structure-from-motion is a child of the child."""
    folder = tmp_path / "run"
    make_capture(folder / "images", views=8, width=320, height=240)
    searching = asyncio.Event()
    task = asyncio.create_task(Listener(lambda stage: searching.set()).run("generate", folder, {}))
    await asyncio.wait_for(searching.wait(), 60)
    assert len(processes_of(folder)) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(folder), "orphans remain"


async def test_the_step_dies_with_a_parent_that_is_killed(trainable: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from maquette.execution.process import run_step_process\n"
        "async def keep(record): pass\n"
        "asyncio.run(run_step_process('generate', Path(sys.argv[1]), {'iterations': 100000, 'long_side': 160},"
        " memory_mb=0, on_progress=lambda *a: print(a[0], flush=True), on_record=keep))\n"
    )
    parent = subprocess.Popen(  # noqa: ASYNC220 - it must be killed while it runs
        [sys.executable, "-c", script, str(trainable)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline().strip() == "training"
        assert len(processes_of(trainable)) == 2
        parent.kill()
        parent.wait()
    assert await gone(trainable)


async def test_two_attempts_never_work_in_one_folder_at_once(folder: Path) -> None:
    Folder(folder).save_model(model_record(Folder(folder), 0))
    held = child.hold(folder)
    task = asyncio.create_task(Listener().run("export", folder, {"version": 0}))
    await asyncio.sleep(1.5)
    assert not task.done() and not (folder / "exports").exists()
    held.close()
    assert (await task).error is None
