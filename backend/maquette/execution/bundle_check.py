"""Reads a bundle's list of files and its manifest once in a process of its own: ``python -m … FILE MEMORY_MB``.

They are words of a stranger that are taken apart whole, and few bytes can ask for much memory. What went well here goes
well again where the rows are needed, with no more memory than was allowed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, Final

from maquette.errors import MaquetteError
from maquette.execution.memory_limit import MB, offer_to_kernel
from maquette.lifeline import die_with_parent
from maquette.recon.bundle import BundleTooLargeError, BundleUnreadableError, open_bundle

MEMORY_MB: Final = 400
"""On top of what the process has when it begins. A manifest of 3 MB, that of 200 photos and ten versions, takes 30."""
TIME_S: Final = 60.0


class RefusedBundleError(MaquetteError):
    """What the process said; code, status and words are those of its error."""

    def __init__(self, told: dict[str, Any], status: int) -> None:
        super().__init__(str(told["message"]), suggestion=str(told["suggestion"]))
        self.details = dict(told["details"])
        self.code = str(told["code"])  # type: ignore[misc]
        self.status = status  # type: ignore[misc]


async def check_bundle(path: Path, *, memory_mb: int = MEMORY_MB, time_s: float = TIME_S) -> None:
    """Raises ``bundle_unreadable``, ``bundle_newer`` or ``bundle_too_large``."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "maquette.execution.bundle_check",
        str(path),
        str(memory_mb),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(time_s):
            said, _ = await child.communicate()
    except TimeoutError:
        raise _too_much(f"reading what it says of itself took more than {time_s:.0f} seconds") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    if child.returncode != 0 or not said:
        raise BundleUnreadableError("what it says of itself ended the process that read it")
    answer = json.loads(said)
    if answer.get("error"):
        raise RefusedBundleError(answer["error"], answer["status"])


def main() -> int:
    """Answer with a line of JSON."""
    path, memory_mb = Path(sys.argv[1]), int(sys.argv[2])
    die_with_parent()
    offer_to_kernel()
    # Native code may print; the answer stands alone.
    out = os.dup(1)
    os.dup2(2, 1)
    statm = Path("/proc/self/statm")
    if statm.exists():
        limit = int(statm.read_text().split()[5]) * resource.getpagesize() + memory_mb * MB
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    told: dict[str, Any] = {}
    try:
        with open_bundle(path):
            pass
    except MemoryError:
        error = _too_much(f"what it says of itself takes more than {memory_mb} MB of memory")
        told = {"error": error.as_dict(), "status": error.status}
    except MaquetteError as error:
        told = {"error": error.as_dict(), "status": error.status}
    os.write(out, json.dumps(told).encode())
    return 0


def _too_much(why: str) -> BundleTooLargeError:
    return BundleTooLargeError(
        f"The bundle is not read: {why}.", suggestion="Send the file as the export wrote it, or one made with `light`."
    )


if __name__ == "__main__":
    sys.exit(main())
