"""How the settings of this machine set up other engines than ours, and what stands in the way of each."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from maquette.execution.memory_limit import step_memory_mb
from maquette.recon.digest import sha256_of
from maquette.settings import Settings
from maquette.steps.engines import ENGINES, Engine
from maquette.steps.engines.engine import EngineLimits, Setup
from maquette.steps.engines.gaussian_splatting import DOCKER
from maquette.steps.engines.setups import write_setups
from maquette.steps.folder import Folder

OF_STEP = 0.8
"""Share of a step's memory that its engine may take, where no setting says otherwise: the step ends it before both are
ended for what they use together."""
MOST_HASHED_BYTES = 64 << 20
"""Larger files of a command are known by their size alone."""


def setups_of(settings: Settings) -> dict[str, Setup]:
    """Of every engine, by name. Nothing is started for it: whether a program works shows when it is called."""
    found = {engine.name: _setup(engine, settings) for engine in ENGINES if not engine.one_of}
    for engine in ENGINES:
        if engine.one_of:
            missing = [found[name] for name in engine.one_of if not found[name].available]
            identity = _hash([found[name].identity for name in engine.one_of])
            found[engine.name] = missing[0] if missing else Setup(identity=identity)
    return found


def limits_from(settings: Settings, memory_mb: int) -> EngineLimits:
    """What an engine may take; ``memory_mb``: what its step may."""
    return EngineLimits(
        timeout_s=settings.engine_timeout_s,
        silence_s=settings.engine_silence_s,
        memory_mb=settings.engine_memory_mb or round(OF_STEP * memory_mb),
        output_mb=settings.engine_output_mb,
        passes=settings.engine_env,
    )


def describe_engines(folder: Folder, settings: Settings, *, memory_mb: int | None = None) -> None:
    """Tell a step of them. ``memory_mb``: what it may use; None: as if it ran alone."""
    memory_mb = step_memory_mb(settings.step_memory_mb, 1) if memory_mb is None else memory_mb
    write_setups(folder, setups_of(settings), limits_from(settings, memory_mb))


def edition(setups: Mapping[str, Setup], name: str) -> tuple[str, ...]:
    """What of an engine decides the result of a call: other work is done by another command. Nothing for ours."""
    return (f"engine {name} {setups[name].identity}",) if name in setups else ()


def _setup(engine: Engine, settings: Settings) -> Setup:
    known = settings.model_dump()
    values = {setting: known[_field(setting)] for setting in engine.settings}
    for setting, value in values.items():
        if not value:
            return Setup(reason=f"{setting} is not set.", setting=setting)
    needed = engine.settings[-1]
    if engine.name == "3dgs":
        image, argv = settings.gs_3dgs_docker_image, settings.gs_3dgs_docker_command
        if shutil.which(DOCKER) is None:
            return Setup(reason="docker is not on the PATH.", setting="PATH")
        gpus, user = settings.gs_3dgs_docker_gpus, settings.gs_3dgs_docker_user
        return Setup(argv, _hash([image, gpus, user, *argv]), image, gpus, user)
    argv = tuple(values[needed])
    program = shutil.which(argv[0])
    if program is None:
        return Setup(reason=f"{needed} names a program that is not there.", setting=needed)
    return Setup((program, *argv[1:]), _hash([*argv, *map(_content, argv)]))


def _field(setting: str) -> str:
    return setting.lower().removeprefix("maquette_")


def _content(word: str) -> str:
    """Of a file that a command names, so that another one under the same name is other work."""
    path = Path(shutil.which(word) or word)
    if not path.is_absolute() or not path.is_file():
        return ""
    told = path.stat()
    return _digest(path, told.st_size, told.st_mtime_ns) if told.st_size <= MOST_HASHED_BYTES else str(told.st_size)


@cache
def _digest(path: Path, size: int, changed_ns: int) -> str:
    """Once for as long as it seems the same: every call of a step and every look at the service asks."""
    return sha256_of(path)


def _hash(words: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]
