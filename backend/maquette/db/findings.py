"""What a look at one thing found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "failure"]

MIGRATE = "Run `maquette db migrate`."


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``advice`` says how to mend it and is empty where it is well.

    A ``warning`` is something that works, though not as well as it could.
    """

    what: str
    level: Level
    found: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether Maquette can work with it."""
        return self.level != "failure"


def judge(what: str, wrong: Iterable[str], well: str, advice: str = MIGRATE) -> Finding:
    """Well when nothing is wrong; else a list of what is."""
    problems = sorted(wrong)
    return Finding(what, "failure" if problems else "ok", "; ".join(problems) or well, advice if problems else "")
