"""The original trainer of 3D Gaussian Splatting (Kerbl et al. 2023) in a container that reaches nothing.

The image is expected to start in the trainer's folder and to take ``python train.py`` with its published options. What
is asked of the container is what keeps it in: no network, a system that it cannot write to, no privileges, limits.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from pathlib import Path

from maquette.steps.engines.engine import Arguments, Engine, EngineLimits, Program, Setup
from maquette.steps.engines.folder import EngineFolder
from maquette.steps.engines.words import Said, plain

DOCKER = "docker"
PASSES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR")
ITERATIONS = 30_000
"""The paper's own; ours make as good a model of fewer, for they are planned otherwise."""
SH_DEGREE = 3
PIDS, SHARED_MEMORY = 4096, "1g"
_BAR = re.compile(r"(\d{1,3})%\|")


def program(setup: Setup, home: EngineFolder, asked: Arguments, limits: EngineLimits) -> Program:
    """``docker run`` with the inputs read-only, and the trainer's call behind it."""
    iterations = str(asked.get("iterations") or ITERATIONS)
    degree = asked.get("sh_degree")
    # The same for each attempt of one work: what a killed worker left running is ended before the next begins.
    name = f"maquette-3dgs-{hashlib.sha256(str(home.root).encode()).hexdigest()[:16]}"
    run = [DOCKER, "run", "--rm", "--name", name, "--pull", "never", "--init", "--network", "none"]
    run += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", str(PIDS)]
    run += ["--user", setup.user or f"{os.getuid()}:{os.getgid()}", "--shm-size", SHARED_MEMORY, "--tmpfs", "/tmp"]  # noqa: S108 - inside the container
    run += ["--memory", f"{limits.memory_mb}m"] if limits.memory_mb else []
    run += ["--gpus", setup.gpus] if setup.gpus else []
    run += ["--mount", _mount(home.input, "/input", read_only=True), "--mount", _mount(home.output, "/output")]
    run += ["--mount", _mount(home.work, "/work"), "--env", "HOME=/work"]
    train = ["--source_path", "/input", "--model_path", "/output", "--iterations", iterations]
    train += ["--save_iterations", iterations, "--test_iterations", "-1"]
    train += ["--sh_degree", str(SH_DEGREE if degree is None else degree)]
    train += ["--resolution", str(asked["width_px"])] if asked.get("width_px") else []
    return Program(
        argv=[*run, str(setup.image), *(setup.argv or ("python", "train.py")), *train],
        passes=PASSES,
        outputs={"model.ply": f"point_cloud/iteration_{iterations}/point_cloud.ply"},
        reads=_read,
        end=[DOCKER, "rm", "--force", name],
        version=[DOCKER, "image", "inspect", "--format", "{{.Id}}", str(setup.image)],
    )


def _read(line: str) -> Said | None:
    """The trainer draws a bar; it says nothing else of how far it is."""
    found = _BAR.search(line)
    if found is None or int(found[1]) > 100:
        return None
    return Said(progress=int(found[1]) / 100, message=plain(line.partition("|")[0]))


def _mount(source: Path, target: str, *, read_only: bool = False) -> str:
    """As docker reads it, which is a line of CSV: the path of a home may hold a comma."""
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


ENGINE = Engine(
    name="3dgs",
    makes="model",
    steps=("generate",),
    description="Trains the model by the original trainer of 3D Gaussian Splatting, in a container without network.",
    settings=("GS_3DGS_DOCKER_IMAGE",),
    program=program,
)
