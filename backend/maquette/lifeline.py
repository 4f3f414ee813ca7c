"""A process that must not outlive the one that started it.

Run as a file, with a command behind it, it becomes that command, which then must not either. It needs nothing but
Python's own library for that.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 0.5


def die_with_parent(number: signal.Signals = signal.SIGKILL, *, grace_s: float = 5.0) -> None:
    """Let Linux send this process a signal when the parent's thread ends; elsewhere nothing can be asked.

    With a signal that can be handled, a clean end is tried for ``grace_s`` seconds: what it would need, a database
    say, may have died with the parent. Call it from the main thread, first thing.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() == 1 and not _first_process_is_ours():
        # The parent was gone before we could ask.
        os.kill(os.getpid(), number)
    if number != signal.SIGKILL:
        threading.Thread(target=_end_after_parent, args=(os.getppid(), grace_s), daemon=True).start()


def _first_process_is_ours() -> bool:
    """Whether process 1 runs the same Python: in a container without an init it is the parent itself."""
    try:
        return Path("/proc/1/exe").samefile("/proc/self/exe")
    except OSError:
        return False  # another user's, so an init of the machine


def _end_after_parent(parent: int, grace_s: float) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    time.sleep(grace_s)
    os._exit(1)


def _become(command: list[str]) -> None:
    die_with_parent()
    try:
        os.execvp(command[0], command)  # noqa: S606 - an argument list, no shell
    except OSError as error:
        print(f"it cannot be started: {error.strerror}")
        sys.exit(127)


if __name__ == "__main__":
    _become(sys.argv[1:])
