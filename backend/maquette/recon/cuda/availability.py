"""Whether this machine can train on a GPU, and if not why: for ``doctor``, for health, for choosing a backend."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from maquette.errors import UnavailableError
from maquette.recon.cuda.errors import NO_NVCC, CudaExtraMissingError, CudaUnavailableError, GsplatBrokenError

PACKAGES = ("torch", "gsplat")
LEAST_CAPABILITY = (7, 0)
"""gsplat's kernels use cooperative groups of Volta and later."""
PROBE_TIMEOUT_S = 120
"""Importing torch and starting CUDA for the first time after boot can take a minute."""


@dataclass(frozen=True)
class Availability:
    """``problem`` is the error that using the GPU would raise; none where it can be used.

    ``name`` and the memory in bytes are those of the GPU, where there is one. ``free_bytes`` is as of the first look.
    """

    problem: UnavailableError | None
    name: str | None = None
    memory_bytes: int | None = None
    free_bytes: int | None = None

    @property
    def usable(self) -> bool:
        """Whether training on this GPU can be tried. gsplat may still have to compile its kernels, once."""
        return self.problem is None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for health."""
        return {
            "usable": self.usable,
            "name": self.name,
            "memory_bytes": self.memory_bytes,
            "free_bytes": self.free_bytes,
            "problem": self.problem.as_dict() if self.problem else None,
        }


@cache
def available() -> Availability:
    """Look once in the life of this process, without importing torch into it: a child process does, where it is there.

    Costs nothing where the extra is not installed or no driver is loaded, otherwise some seconds the first time.
    """
    missing = missing_package()
    if missing:
        return Availability(CudaExtraMissingError(missing))
    if not device_files():
        return _unusable("this machine shows no NVIDIA device", "Check the NVIDIA driver with nvidia-smi")
    return judged(_probed())


def choose_backend(wanted: Literal["auto", "cpu", "cuda"] = "auto") -> Literal["cpu", "cuda"]:
    """The backend to train on: ``auto`` takes the GPU where one can be used, ``cuda`` raises what stands in the way."""
    if wanted == "cpu":
        return "cpu"
    found = available()
    if found.problem is None:
        return "cuda"
    if wanted == "cuda":
        raise found.problem
    return "cpu"


def device_files() -> list[Path]:
    """What the driver shows of its GPUs: on Linux files of their own, under WSL one for all."""
    devices = Path("/dev")
    return [*devices.glob("nvidia[0-9]*"), *devices.glob("dxg")] if sys.platform == "linux" else [devices]


def missing_package() -> str | None:
    """The first package of the extra that is not installed."""
    return next((name for name in PACKAGES if importlib.util.find_spec(name) is None), None)


def judged(facts: Mapping[str, Any]) -> Availability:
    """What the facts that a probe found mean."""
    device = facts.get("device")
    if device is None:
        if "failure" in facts:
            return _unusable(facts["failure"], "Check the installation of torch and of the NVIDIA driver")
        if facts["cuda"] is None:
            return _unusable(
                f"torch {facts['torch']} is built without CUDA", "Install a CUDA build of torch (see pytorch.org)"
            )
        return _unusable(facts.get("problem", "torch finds none"), "Check the NVIDIA driver with nvidia-smi")
    name, capability = device["name"], tuple(device["capability"])
    if capability < LEAST_CAPABILITY:
        found, least = (".".join(map(str, version)) for version in (capability, LEAST_CAPABILITY))
        reason = f"{name} has compute capability {found}, {least} is needed"
        problem: UnavailableError | None = CudaUnavailableError(reason, "Use a GPU of 2018 or later")
    elif not facts["kernels"]:
        problem = GsplatBrokenError(NO_NVCC)
    else:
        problem = None
    return Availability(problem, name, device["memory_bytes"], device["free_bytes"])


def _probed() -> dict[str, Any]:
    """The facts, from a child process; where it fails, its last words as ``failure``."""
    command = [sys.executable, "-m", "maquette.recon.cuda.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True)
        facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"failure": f"it did not answer within {PROBE_TIMEOUT_S} seconds"}
    except subprocess.CalledProcessError as error:
        return {"failure": (error.stderr.strip().splitlines() or [f"the probe ended with {error.returncode}"])[-1]}
    except (ValueError, IndexError):
        return {"failure": "the probe's answer cannot be read"}
    return facts


def _unusable(reason: str, suggestion: str) -> Availability:
    return Availability(CudaUnavailableError(reason, suggestion))
