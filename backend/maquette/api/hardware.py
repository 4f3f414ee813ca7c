"""The computer this API runs on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field

from maquette.api.deadlines import within
from maquette.disk import free_bytes
from maquette.execution.memory_limit import machine_bytes
from maquette.recon.control_groups import memory_left_bytes
from maquette.recon.cuda import Availability, available

T = TypeVar("T")
MEMINFO = Path("/proc/meminfo")


class Machine(BaseModel):
    """The computer this API runs on; null where the system does not tell."""

    cpu_count: int = Field(examples=[16])
    memory_total_bytes: int | None = Field(
        description="Of the machine, or what its container may use.", examples=[137_438_953_472]
    )
    memory_available_bytes: int | None = Field(examples=[120_259_084_288])
    disk_free_bytes: int | None = Field(description="On the disk of MAQUETTE_HOME.", examples=[512_000_000_000])
    gpu: str = Field(
        description="Name of the GPU that a worker on this machine trains on, or `none`; `not known yet` while the"
        " first look at it lasts.",
        examples=["NVIDIA H200"],
    )
    gpu_memory_bytes: int | None = Field(description="All of that GPU's memory.", examples=[150_323_855_360])


async def look_in_time(look: Callable[[], T], patience_s: float, otherwise: T) -> T:
    """What a look at a disk finds; ``otherwise`` where that disk hangs, as those of a network do."""
    try:
        return await within(asyncio.to_thread(look), patience_s)
    except TimeoutError:
        return otherwise


class Hardware:
    """Looks at the machine. The first look at a GPU takes seconds, so it goes on beside the answers."""

    def __init__(self) -> None:
        self._gpu: asyncio.Task[Availability] | None = None

    async def look(self, home: Path, patience_s: float) -> Machine:
        """What there is, within ``patience_s``."""
        if self._gpu is None:
            self._gpu = asyncio.create_task(asyncio.to_thread(available))
        await asyncio.wait({self._gpu}, timeout=patience_s / 2)
        gpu = self._gpu.result() if self._gpu.done() else None
        free = await look_in_time(lambda: free_bytes(home), patience_s / 2, None)
        usable = gpu if gpu is not None and gpu.usable else None
        return Machine(
            cpu_count=os.cpu_count() or 1,
            memory_total_bytes=machine_bytes(),
            memory_available_bytes=_memory_left(),
            disk_free_bytes=free,
            gpu="not known yet" if gpu is None else (usable.name if usable and usable.name else "none"),
            gpu_memory_bytes=usable.memory_bytes if usable else None,
        )


def _memory_left() -> int | None:
    """What new work may take without swapping; what files are merely kept in counts as free."""
    lines = MEMINFO.read_text().splitlines() if MEMINFO.exists() else []
    machine = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    limits = [*machine, *(left for left in [memory_left_bytes()] if left is not None)]
    return min(limits, default=None)
