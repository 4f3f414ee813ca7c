"""The ways a step can end that are no error of its own: what killed it, in words for the person who waits for it."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Iterator

from maquette.errors import MaquetteError, UnavailableError
from maquette.execution.memory_limit import no_room_for

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
FEWER = "Try fewer photos, a lower `long_side` or `max_gaussians`"
REPORT = "report it with its log: GET /api/v1/runs/{id}/log."
_DISK_WORDS = re.compile(
    r"no space left on device|disk quota exceeded|database or disk is full"
    # numpy's save and torch's: a file that would not take all they had
    r"|\d+ requested and \d+ written|unexpected pos \d+ vs \d+|PytorchStreamWriter failed writing",
    re.IGNORECASE,
)
_MEMORY_WORDS = re.compile(
    r"cannot allocate memory|can't allocate memory|not enough memory|insufficient memory|std::bad_alloc|\bMemoryError\b"
    # a library whose own data found no room, and what onnxruntime says
    r"|failed to map segment|failed to allocate memory",
    re.IGNORECASE,
)
_GPU_MEMORY_WORDS = re.compile(r"CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation", re.IGNORECASE)
_THREAD_STACK_BYTES = 8 * 2**20


class StepOutOfMemoryError(UnavailableError):
    """It needed more memory than it may use."""

    code = "out_of_memory"

    def __init__(self, *, limit_mb: int = 0, used_mb: int | None = None) -> None:
        if used_mb is not None:
            message = f"The step used {used_mb} MB of memory; it may use {limit_mb} MB."
        elif limit_mb:
            message = f"The step needed more memory than the {limit_mb} MB that it may use."
        else:
            message = "The step needed more memory than there is."
        numbers = {"limit_mb": limit_mb or None, "used_mb": used_mb}
        super().__init__(
            message,
            suggestion=f"{FEWER}, or raise MAQUETTE_STEP_MEMORY_MB where the machine has more.",
            **{name: value for name, value in numbers.items() if value is not None},
        )


class StepOutOfGpuMemoryError(UnavailableError):
    """It needed more memory than the GPU has free."""

    code = "out_of_memory"

    def __init__(self) -> None:
        super().__init__(
            "The step needed more memory than the GPU has free.",
            suggestion=f"{FEWER}, or end other programs that use the GPU, then retry it.",
            device="gpu",
        )


class StepDiskFullError(UnavailableError):
    """It could not write."""

    code = "disk_full"

    def __init__(self) -> None:
        super().__init__(
            "The disk that the step works on is full.",
            suggestion="Free some space, or set MAQUETTE_HOME to a larger disk, then retry.",
        )


class StepKilledError(MaquetteError):
    """Somebody else ended its process: the kernel, or a person."""

    code = "step_killed"

    def __init__(self, *, for_memory: bool, used_mb: int) -> None:
        why = (
            "most likely by the system, because the machine ran out of memory"
            if for_memory
            else "from outside: by the system, or by somebody who ended it"
        )
        super().__init__(
            f"The step's process was killed, {why}. It had used up to {used_mb} MB.",
            suggestion=f"Retry it. If it is killed again, end other programs or lower MAQUETTE_STEP_MEMORY_MB; or"
            f" {FEWER[0].lower()}{FEWER[1:]}.",
            used_mb=used_mb,
        )


class StepCrashedError(MaquetteError):
    """Its process ended without a word."""

    code = "step_crashed"

    def __init__(self, how: str, *, limit_mb: int, used_mb: int) -> None:
        # Native code that gets no more memory ends its process in its own ways.
        limit = f"It used up to {used_mb} MB and may use {limit_mb} (MAQUETTE_STEP_MEMORY_MB). "
        super().__init__(
            f"The step's process ended unexpectedly ({how}).",
            suggestion=f"{limit if limit_mb else ''}Retry it; if it fails again, {REPORT}",
            exit=how,
            used_mb=used_mb,
        )


class StepHungError(MaquetteError):
    """It went on for ever without a sign of life, and was ended for that."""

    code = "step_hung"

    def __init__(self, message: str, *, setting: str = "", **details: float) -> None:
        more = f" If it only needs more time, raise {setting}." if setting else ""
        super().__init__(message, suggestion=f"Retry it; if it hangs again, {REPORT}{more}", **details)


class UnforeseenStepError(MaquetteError):
    """An exception that nobody foresaw. Its text may hold paths, so only its kind is told."""

    code = "internal_error"

    def __init__(self, exception: str) -> None:
        super().__init__(
            "The step failed for a reason we did not foresee.",
            suggestion=f"Retry it; if it fails again, {REPORT}",
            exception=exception,
        )


def idle_too_long(seconds: float) -> StepHungError:
    """It neither said nor did anything."""
    return StepHungError(
        f"The step said nothing and did nothing for {seconds:.0f} s, so it was ended.",
        setting="MAQUETTE_STEP_SILENCE_S",
        silent_s=round(seconds),
    )


def silent_too_long(seconds: float) -> StepHungError:
    """It was busy, with what nobody knows."""
    return StepHungError(
        f"The step computed for {seconds:.0f} s without any progress, so it was ended.",
        setting="MAQUETTE_STEP_TIMEOUT_S",
        silent_s=round(seconds),
    )


def never_ended(seconds: float) -> StepHungError:
    """It hung up without a result, and stayed."""
    return StepHungError(f"The step's process broke off and did not end within {seconds:.0f} s, so it was ended.")


def error_of(error: Exception, *, limit_mb: int) -> MaquetteError:
    """What a user is told of an exception that ended a step, by the step's own process.

    Libraries tell of a full disk and of too little memory in many ways: by errno, by a class, or only by words.
    """
    # Words of our own errors may quote a file's name; the log of the camera search is words of libraries.
    words = str(error.details.get("log_tail", "")) if isinstance(error, MaquetteError) else str(error)
    if disk_is_full(error) or _DISK_WORDS.search(words):
        return StepDiskFullError()
    if type(error).__name__ == "OutOfMemoryError" or _GPU_MEMORY_WORDS.search(words):
        return StepOutOfGpuMemoryError()
    # One of ours may have come from a MemoryError that it is the better word for.
    lacking = [error] if isinstance(error, MaquetteError) else list(_chain(error))
    if any(_lacks_memory(one) for one in lacking) or _MEMORY_WORDS.search(words):
        return StepOutOfMemoryError(limit_mb=limit_mb)
    return error if isinstance(error, MaquetteError) else UnforeseenStepError(type(error).__name__)


def disk_is_full(error: BaseException) -> bool:
    """Whether an exception, or one that it came from, is that of a file that found no room."""
    return any(isinstance(one, OSError) and one.errno in FULL_DISK for one in _chain(error))


def death(
    code: int, *, last_words: str, limit_mb: int, used_mb: int, memory_ran_out: bool, disk_full: bool
) -> MaquetteError:
    """What a user is told of a process that ended with this code (negative: by a signal) and without saying why.

    ``last_words``: the end of its log; ``memory_ran_out``: whether the kernel ended processes for memory meanwhile.
    """
    if code == -signal.SIGKILL:
        return StepKilledError(for_memory=memory_ran_out, used_mb=used_mb)
    if _MEMORY_WORDS.search(last_words):
        return StepOutOfMemoryError(limit_mb=limit_mb)
    # A page of a mapped file that finds no room on the disk is a SIGBUS.
    if _DISK_WORDS.search(last_words) or (code == -signal.SIGBUS and disk_full):
        return StepDiskFullError()
    return StepCrashedError(_name(code), limit_mb=limit_mb, used_mb=used_mb)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those it came from."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _lacks_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    # There may be too many of them, or no room for one more stack.
    return "can't start new thread" in str(error) and no_room_for(_THREAD_STACK_BYTES)


def _name(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
