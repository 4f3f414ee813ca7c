"""Every way a step can end that is no error of its own, with real processes that really end so."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.execution.test_process import Listener, gone, processes_of

from maquette.execution.process import LOG_NAME, Outcome, run_step_process

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child must find the trials, wherever the tests are run from."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


async def attempt(folder: Path, trial: str, listener: Listener | None = None, **options: Any) -> Outcome:
    listener = listener or Listener()
    limits = {name: options.pop(name) for name in ("memory_mb", "silence_s", "timeout_s") if name in options}
    return await run_step_process(
        "trial",
        folder,
        {"trial": trial, **options},
        on_progress=listener.progress,
        on_record=listener.keep,
        child="tests.execution.trials",
        **{"memory_mb": 0, **limits},
    )


def error(outcome: Outcome) -> dict[str, Any]:
    """The error, which is whole."""
    assert outcome.error is not None
    assert outcome.error["code"] and outcome.error["message"] and outcome.error["suggestion"]
    return outcome.error


async def test_a_crash_in_native_code_names_its_signal_and_leaves_a_trace(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "segfault")
    assert outcome.status == 500
    assert error(outcome)["code"] == "step_crashed" and "SIGSEGV" in error(outcome)["message"]
    log = (tmp_path / LOG_NAME).read_text()
    assert "Fatal Python error: Segmentation fault" in log and "in segfault" in log


async def test_native_code_that_aborts_for_memory_says_so(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "abort")
    assert error(outcome)["code"] == "out_of_memory" and outcome.status == 503


async def test_a_process_that_leaves_without_a_word_is_a_crash(tmp_path: Path) -> None:
    assert "exit code 17" in error(await attempt(tmp_path, "leave"))["message"]


async def test_an_exception_is_told_by_its_kind_only(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "fault")
    assert error(outcome)["code"] == "internal_error"
    assert error(outcome)["details"] == {"exception": "ZeroDivisionError"}
    assert str(tmp_path) not in str(outcome.error)
    assert f"a secret of {tmp_path}" in (tmp_path / LOG_NAME).read_text()


async def test_an_allocation_that_cannot_be_fails_in_the_step_itself(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "allocate_at_once", mb=8000, memory_mb=400)
    assert error(outcome)["code"] == "out_of_memory" and outcome.status == 503
    assert "400 MB" in error(outcome)["message"]
    assert "_ArrayMemoryError" in (tmp_path / LOG_NAME).read_text()


async def test_memory_that_is_really_used_is_bounded(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "allocate_and_wait", mb=500, memory_mb=300)
    assert error(outcome)["code"] == "out_of_memory" and outcome.status == 503
    details = error(outcome)["details"]
    assert details["limit_mb"] == 300 and details["used_mb"] > 300
    assert outcome.peak_memory_mb == pytest.approx(details["used_mb"], abs=1)


async def test_memory_of_grandchildren_counts_together(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "allocate_in_grandchildren", mb=250, memory_mb=400)
    assert error(outcome)["code"] == "out_of_memory"
    assert error(outcome)["details"]["used_mb"] > 400


async def test_pages_that_forks_share_count_once(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "share", mb=200, memory_mb=400)
    assert outcome.error is None, outcome.error
    assert 200 < outcome.timings["peak_memory_mb"] < 400


async def test_mapped_libraries_do_not_count(tmp_path: Path) -> None:
    """Its addresses are four times as many."""
    outcome = await attempt(tmp_path, "allocate_at_once", mb=40, memory_mb=150)
    assert outcome.error is None, outcome.error
    assert 40 < outcome.timings["peak_memory_mb"] < 150


async def test_the_kernel_would_take_the_step_first(tmp_path: Path) -> None:
    assert (await attempt(tmp_path, "oom_score")).result == {"answer": 1000}


async def test_a_kill_from_outside_says_so(tmp_path: Path) -> None:
    def kill(stage: str) -> None:
        for pid in processes_of(tmp_path):
            os.kill(pid, signal.SIGKILL)

    outcome = await attempt(tmp_path, "sleep", Listener(kill), seconds=60)
    assert error(outcome)["code"] == "step_killed"


@pytest.mark.parametrize("trial", ["sleep", "repeat"])
async def test_a_step_that_neither_says_nor_does_anything_is_hung(tmp_path: Path, trial: str) -> None:
    outcome = await attempt(tmp_path, trial, seconds=60, silence_s=2)
    assert error(outcome)["code"] == "step_hung"
    assert "MAQUETTE_STEP_SILENCE_S" in error(outcome)["suggestion"]
    assert await gone(tmp_path)


async def test_a_step_that_computes_in_silence_is_not_hung(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "compute", seconds=5, silence_s=2)
    assert outcome.error is None, outcome.error


async def test_a_step_that_computes_without_end_is_hung(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "compute", seconds=60, silence_s=2, timeout_s=3)
    assert error(outcome)["code"] == "step_hung"
    assert "MAQUETTE_STEP_TIMEOUT_S" in error(outcome)["suggestion"]


async def test_cancel_ends_processes_that_hide(tmp_path: Path) -> None:
    hidden = asyncio.Event()
    listener = Listener(lambda stage: hidden.set() if stage == "hidden" else None)
    task = asyncio.create_task(attempt(tmp_path, "hide", listener))
    await asyncio.wait_for(hidden.wait(), 60)
    assert len(processes_of(tmp_path)) == 3
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(tmp_path)


async def test_a_dead_step_is_noticed_though_a_fork_holds_its_pipe(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "die_and_leave_a_fork")
    assert error(outcome)["code"] == "step_crashed" and "SIGBUS" in error(outcome)["message"]
    assert await gone(tmp_path)


async def test_a_step_that_is_done_counts_though_its_process_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maquette.execution.process.EXIT_S", 1.0)
    outcome = await attempt(tmp_path, "hang_at_the_end")
    assert outcome.error is None and outcome.result == {"answer": None}
    assert await gone(tmp_path)


async def test_a_step_that_prints_without_end_has_a_bounded_log(tmp_path: Path) -> None:
    outcome = await attempt(tmp_path, "chat", lines=30_000)
    assert outcome.error is None
    log = (tmp_path / LOG_NAME).read_bytes()
    assert 3_000_000 <= len(log) <= 8_300_000
    assert b"\nfirst line\n" in log[:200] and b"\nlast line\n" in log[-200:]
    assert b"are left out here" in log


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"a small disk can only be made where we may mount one: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_disk_that_is_full_before_the_step_begins(small_disk: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
        for _ in range(1000):
            file.write(bytes(4096))
    outcome = await attempt(small_disk, "sleep", seconds=0)
    assert error(outcome)["code"] == "disk_full" and outcome.status == 503


@pytest.mark.parametrize("how", ["write", "numpy", "torch", "sqlite", "mapped"])
async def test_a_full_disk_is_told_whatever_library_met_it(small_disk: Path, how: str) -> None:
    outcome = await attempt(small_disk, "fill_disk", how=how, to=str(small_disk))
    assert error(outcome)["code"] == "disk_full" and outcome.status == 503, outcome.error
