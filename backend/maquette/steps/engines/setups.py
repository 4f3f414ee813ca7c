"""How the machine that carries out a step runs its engines: ``engines.json`` in the step's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from maquette.steps.engines.engine import EngineLimits, Setup
from maquette.steps.engines.errors import EngineUnavailableError
from maquette.steps.folder import Folder, write_json

FILE = "engines.json"


def write_setups(folder: Folder, setups: Mapping[str, Setup], limits: EngineLimits) -> None:
    """Write what :func:`setup_of` and :func:`limits_of` read."""
    told = {"setups": {name: asdict(setup) for name, setup in setups.items()}, "limits": asdict(limits)}
    write_json(folder.root / FILE, told)


def setup_of(folder: Folder, engine: str) -> Setup:
    """How this machine runs an engine. Raises ``engine_unavailable`` where it does not."""
    path = folder.root / FILE
    told = json.loads(path.read_text())["setups"].get(engine) if path.exists() else None
    if told is None:
        raise unavailable(engine, Setup(reason="No engine is set up on this machine."))
    setup = Setup(**{**told, "argv": tuple(told["argv"])})
    if not setup.available:
        raise unavailable(engine, setup)
    return setup


def limits_of(folder: Folder) -> EngineLimits:
    """What an engine may take on this machine."""
    path = folder.root / FILE
    told = json.loads(path.read_text())["limits"] if path.exists() else {}
    return EngineLimits(**{**told, "passes": tuple(told.get("passes", ()))})


def unavailable(engine: str, setup: Setup) -> EngineUnavailableError:
    """In words for whoever asked for it; ``setting`` names what is to be set."""
    mend = f"Set {setup.setting} on the server and its workers" if setup.setting else "Set it up on the workers too"
    return EngineUnavailableError(
        f"The engine '{engine}' is not available: {setup.reason}",
        suggestion=f"{mend} (docs/engines.md), or leave `engine` out. GET /api/v1/health lists the engines.",
        engine=engine,
        **({"setting": setup.setting} if setup.setting else {}),
    )
