"""Looks at the GPU in a process of its own and prints what it found as one line of JSON: the asker needs no torch.

``python -m maquette.recon.cuda.probe``
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any


def look() -> dict[str, Any]:
    """The facts that :func:`maquette.recon.cuda.availability.judged` reads. Compiles nothing."""
    import torch

    facts: dict[str, Any] = {"torch": torch.__version__, "cuda": torch.version.cuda, "device": None}
    if torch.version.cuda is None:
        return facts
    if not torch.cuda.is_available():
        # is_available hides why; starting CUDA says it.
        try:
            torch.zeros(1, device="cuda")
        except (RuntimeError, AssertionError) as error:
            facts["problem"] = str(error).splitlines()[0]
        return facts
    free, total = torch.cuda.mem_get_info()
    facts["device"] = {
        "name": torch.cuda.get_device_name(),
        "memory_bytes": total,
        "free_bytes": free,
        "capability": list(torch.cuda.get_device_capability()),
    }
    facts["kernels"] = kernels_within_reach()
    return facts


def kernels_within_reach() -> bool:
    """Whether gsplat brings its kernels compiled, or nvcc is there to compile (and, to gsplat's mind, to load) them."""
    if find_spec("gsplat") is None:
        return False
    if find_spec("gsplat.csrc") is not None or which("nvcc") is not None:
        return True
    from torch.utils.cpp_extension import CUDA_HOME

    return CUDA_HOME is not None and (Path(CUDA_HOME) / "bin" / "nvcc").is_file()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look()) + "\n")
