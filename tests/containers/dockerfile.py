"""Reads our Dockerfile: enough of the format for what it uses."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("api", "worker-cpu", "worker-cuda", "all")


@dataclass
class Stage:
    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """(instruction, the rest) in order; its base's are not among them."""

    def of(self, instruction):
        return [rest for name, rest in self.steps if name == instruction]


def read_dockerfile():
    """Arguments before the first stage, and the stages by name."""
    text = (ROOT / "Dockerfile").read_text()
    text = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", " ")
    arguments, stages = {}, {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            base, _, called = rest.partition(" AS ")
            stages[called] = stage = Stage(called, base)
        elif not stages:
            assert name == "ARG", line
            key, _, value = rest.partition("=")
            arguments[key] = value
        else:
            stage.steps.append((name, " ".join(rest.split())))
    return arguments, stages


def chain(stages, name):
    """A stage's steps with those of all it is made from, the base's first."""
    stage = stages[name]
    return [*(chain(stages, stage.base) if stage.base in stages else []), *stage.steps]


def exec_form(rest):
    """The words of CMD ["…"]; AssertionError for the shell form, whose shell would keep the signals to itself."""
    words = json.loads(rest)
    assert isinstance(words, list) and all(isinstance(word, str) for word in words)
    return words
