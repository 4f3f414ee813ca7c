"""What an engine is: a program besides ours that does a stage, and how this machine runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from maquette.steps.engines.folder import EngineFolder
from maquette.steps.engines.words import Said, said_in

OURS = "maquette"
"""The name of our own engine, which every step can do without any other."""

Makes = Literal["model", "mesh", "compressed"]
Arguments = Mapping[str, Any]
"""What the stage is asked for, as ``request.json`` tells it under ``parameters``."""


@dataclass(frozen=True)
class Setup:
    """How this machine runs an engine. ``reason``: why it cannot, with the ``setting`` that would change that.

    ``identity``: a hash of the command and of the files it names, which tells one set-up from another and shows
    neither paths nor secrets. ``image``, ``gpus``, ``user``: of a container.
    """

    argv: tuple[str, ...] = ()
    identity: str = ""
    image: str | None = None
    gpus: str | None = None
    user: str | None = None
    reason: str | None = None
    setting: str | None = None

    @property
    def available(self) -> bool:
        """Whether nothing stands in the way, as far as one can tell without starting it."""
        return self.reason is None


@dataclass(frozen=True)
class EngineLimits:
    """What an engine may take: seconds in all, seconds without a word, memory and disk in MB (10^6 bytes; 0: no limit).

    ``passes``: names of further environment variables that it is given.
    """

    timeout_s: float = 7200.0
    silence_s: float = 300.0
    memory_mb: int = 0
    output_mb: int = 8000
    passes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """One call of an engine. Nothing here goes through a shell.

    ``passes``: environment variables that it needs beside those of every engine. ``outputs``: where it leaves a file of
    the contract, below ``output/``, where that is another place. ``reads``: what a line that it printed says. ``end``:
    a command that ends what outlives its process; ``version``: one that prints the version.
    """

    argv: Sequence[str]
    passes: tuple[str, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    reads: Callable[[str], Said | None] = said_in
    end: Sequence[str] = ()
    version: Sequence[str] = ()


def _own_command(setup: Setup, home: EngineFolder, asked: Arguments, limits: EngineLimits) -> Program:
    """The command of the settings with the folder behind it."""
    return Program([*setup.argv, str(home.root)])


@dataclass(frozen=True)
class Engine:
    """``steps``: those that it does something in. ``settings``: what must be set for it, in the order to look at.

    ``one_of``: an engine that is several others, of which the best result is taken.
    """

    name: str
    makes: Makes
    steps: tuple[str, ...]
    description: str
    settings: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    program: Callable[[Setup, EngineFolder, Arguments, EngineLimits], Program] = _own_command
    extension: str = ""
    """Of the file that a compressor makes."""
