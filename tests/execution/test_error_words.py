"""What libraries say when the disk or the memory ran out, word for word, and what must not be taken for it."""

from __future__ import annotations

import errno
import signal

import pytest

from maquette.errors import BadInputError, MaquetteError
from maquette.execution.deaths import death, error_of
from maquette.recon.sfm.errors import SfmCrashedError


class OutOfMemoryError(RuntimeError):
    """Named as torch's, which is a RuntimeError too."""


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 2.00 GiB for an array"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you"),
        RuntimeError("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 1600000000 bytes"),
        RuntimeError("std::bad_alloc"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        raised_from(ValueError("it did not work"), MemoryError()),
        SfmCrashedError("exit code 1", "Traceback\nMemoryError: std::bad_alloc"),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
    ids=lambda error: str(error)[:30],
)
def test_too_little_memory(error: Exception) -> None:
    told = error_of(error, limit_mb=100)
    assert (told.code, told.status) == ("out_of_memory", 503)


def test_the_gpus_memory_is_told_from_the_machines() -> None:
    assert "GPU" in error_of(OutOfMemoryError("CUDA out of memory."), limit_mb=100).message
    assert "100 MB" in error_of(MemoryError(), limit_mb=100).message


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError("1048576 requested and 131056 written"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
        RuntimeError("[database_sqlite.cc:1350] SQLite error: database or disk is full"),
        raised_from(BadInputError("The photo could not be written."), OSError(errno.ENOSPC, "No space left on device")),
        SfmCrashedError("SIGABRT", "std::runtime_error: No space left on device"),
    ],
    ids=lambda error: str(error)[:30],
)
def test_a_full_disk(error: Exception) -> None:
    told = error_of(error, limit_mb=100)
    assert (told.code, told.status) == ("disk_full", 503)


@pytest.mark.parametrize(
    "error",
    [
        BadInputError("'No space left on device.jpg' is no photo."),
        raised_from(BadInputError("The mask is too large to fill."), MemoryError()),
    ],
)
def test_our_own_errors_are_told_as_they_are(error: MaquetteError) -> None:
    assert error_of(error, limit_mb=100) is error


def test_anything_else_is_told_by_its_kind() -> None:
    told = error_of(RuntimeError("can't start new thread"), limit_mb=100)
    assert told.code == "internal_error" and told.details == {"exception": "RuntimeError"}


@pytest.mark.parametrize(
    ("code", "words", "disk_full", "told"),
    [
        (-signal.SIGKILL, "", False, "step_killed"),
        (-signal.SIGKILL, "std::bad_alloc", False, "step_killed"),
        (-signal.SIGSEGV, "", False, "step_crashed"),
        (-signal.SIGABRT, "what(): std::bad_alloc", False, "out_of_memory"),
        (1, "MemoryError", False, "out_of_memory"),
        (-signal.SIGBUS, "", False, "step_crashed"),
        (-signal.SIGBUS, "", True, "disk_full"),
        (-34, "", False, "step_crashed"),
        (7, "", True, "step_crashed"),
    ],
)
def test_a_death_without_a_word(code: int, words: str, disk_full: bool, told: str) -> None:
    error = death(code, last_words=words, limit_mb=100, used_mb=90, memory_ran_out=False, disk_full=disk_full)
    assert error.code == told and error.message and error.suggestion


def test_a_kill_by_a_system_without_memory_is_told_so() -> None:
    error = death(-9, last_words="", limit_mb=0, used_mb=90, memory_ran_out=True, disk_full=False)
    assert error.code == "step_killed" and "ran out of memory" in error.message
