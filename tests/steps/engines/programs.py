"""Stand-ins for engines: small Python programs that keep to the contract, or do not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from maquette.steps.engines.engine import EngineLimits, Setup
from maquette.steps.engines.setups import write_setups
from maquette.steps.folder import Folder

DOCS = Path(__file__).resolve().parents[3] / "docs" / "engines.md"
BEGIN = """
import json, os, shutil, signal, subprocess, sys, time
from pathlib import Path
folder = Path(sys.argv[-1])
output = folder / "output"
def say(**told):
    print(json.dumps(told), flush=True)
"""
"""What each of them begins with."""


def example() -> str:
    """The program that the documentation shows."""
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def argv_of(script: str, place: Path, *words: str) -> tuple[str, ...]:
    """The command of a program that is written for the test."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(script)
    return (sys.executable, "-I", str(place), *words)


def set_up(folder: Folder, name: str, script: str, limits: EngineLimits | None = None, *words: str) -> None:
    """Let a step's folder know an engine of that name; what it must import itself it says."""
    place = folder.root.parent / "programs" / f"{name}.py"
    setup = Setup(argv=argv_of(script, place, *words), identity="0123456789abcdef")
    write_setups(folder, {name: setup}, limits or EngineLimits(timeout_s=60, silence_s=30))


def living(word: str) -> list[int]:
    """Processes that have the word in their command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (process / "cmdline").read_bytes() and state_of(process) != "Z":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def state_of(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]
