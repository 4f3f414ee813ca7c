"""One call of an engine from its inputs to its end, and what is recorded of who made what."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from maquette import __version__
from maquette.steps.engines.engine import OURS, Arguments, Engine, EngineLimits, Program, Setup
from maquette.steps.engines.errors import EngineError
from maquette.steps.engines.folder import EngineFolder
from maquette.steps.engines.hearing import Tell
from maquette.steps.engines.running import run
from maquette.steps.engines.setups import limits_of, setup_of
from maquette.steps.engines.words import version_in
from maquette.steps.folder import Folder
from maquette.steps.records import Warn
from maquette.steps.sink import Sink

T = TypeVar("T")
VERSION_S = 30.0


@dataclass(frozen=True)
class Called:
    """An engine that has ended well; what it left waits in its folder."""

    engine: str
    setup: Setup
    program: Program
    home: EngineFolder
    limits: EngineLimits
    version: str | None
    seconds: float

    def told(self) -> dict[str, Any]:
        """For records: neither its command nor a path, but a hash that tells two set-ups apart."""
        return {
            "name": self.engine,
            "version": self.version,
            "command_sha256": self.setup.identity,
            "seconds": self.seconds,
        }


Fill = Callable[[EngineFolder, EngineLimits], None]
"""Writes what an engine is given."""


def call(folder: Folder, engine: Engine, asked: Arguments, fill: Fill, tell: Tell) -> Called:
    """Run it. Raises :class:`EngineError` and its kinds; nothing that it made was looked at yet."""
    setup, limits, home = setup_of(folder, engine.name), limits_of(folder), EngineFolder.of(folder, engine.name)
    home.begin()
    fill(home, limits)
    program = engine.program(setup, home, asked, limits)
    ran = run(engine.name, program, home, limits, tell)
    return Called(engine.name, setup, program, home, limits, ran.version or _version(program), ran.seconds)


def ours(because: EngineError | None = None, asked: str = OURS) -> dict[str, Any]:
    """What is recorded where our own engine did it: with the engine that was asked for, where it stood in for one."""
    stood_in = {} if because is None else {"asked": asked, "because": because.code}
    return {"name": OURS, "version": __version__, **stood_in}


def or_ours(work: Callable[[], T], *, fallback: bool, sink: Sink) -> tuple[T | None, EngineError | None]:
    """What the engine made, or why ours is to stand in, which is told; raised where the call does not allow that."""
    try:
        return work(), None
    except EngineError as error:
        if not fallback:
            raise
        sink.warn(
            Warn(
                code=error.code,
                message=f"{error.message} Maquette's own engine did it instead.",
                suggestion=error.suggestion,
                degraded=True,
            )
        )
        return None, error


def _version(program: Program) -> str | None:
    """Where the engine says none itself. It may not be told: then none is recorded."""
    if not program.version:
        return None
    try:
        said = subprocess.run(
            list(program.version), stdin=subprocess.DEVNULL, capture_output=True, timeout=VERSION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return version_in(said.stdout[:200].decode("utf-8", "replace").strip()) if said.returncode == 0 else None
