"""What earlier calls of ``maquette reconstruct`` with the same OUT made: ``steps/calls.json``.

It stands for the records of the database: a step that did identical work is not done again, and one that was stopped
goes on from what it kept.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from maquette import __version__
from maquette.cli.local import LocalSink, alone_in
from maquette.errors import BadInputError
from maquette.steps import STEPS
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Images, Model, Preview, Record, Views, Warn

_record: TypeAdapter[Record] = TypeAdapter(Record)


class OtherPhotosError(BadInputError):
    """OUT was made from photos that this call does not name."""

    code = "out_holds_other_photos"


@dataclass
class Call:
    """One step: what it was asked, what it has kept so far, and its result once it has ended."""

    asked: dict[str, Any]
    records: list[Record] = field(default_factory=list)
    warnings: list[Warn] = field(default_factory=list)
    result: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "asked": self.asked,
            "records": [record.model_dump(mode="json") for record in self.records],
            "warnings": [warning.model_dump(mode="json") for warning in self.warnings],
            "result": self.result,
        }


@dataclass
class Memory:
    """The calls of each step that stand, by the step's name, and the hashes of the photos in their order."""

    root: Path
    photos: list[str] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)

    def save(self) -> None:
        """Write it whole or not at all."""
        calls = {name: call.as_dict() for name, call in self.calls.items()}
        write_json(self.root / "calls.json", {"photos": self.photos, "calls": calls})

    def run(self, step: str, parameters: Mapping[str, Any], inputs: object, sink: LocalSink) -> dict[str, Any]:
        """The result of a step: from before where it did just this already, else carried out, or gone on with."""
        asked = _asked(parameters, inputs)
        call = self.calls.get(step)
        if call is None or call.asked != asked:
            call = self.calls[step] = Call(asked)
            self.save()
        for record in call.records:
            sink.keep(record)
        for warning in call.warnings:
            sink.warn(warning)
        if call.result is not None:
            sink.bars.say("  done before; nothing has changed.")
            return call.result
        kept = [record.version for record in call.records if isinstance(record, Model)]
        views_kept = any(isinstance(record, Views) for record in call.records)
        write_json(self.root / "project.json", {"versions_of_run": kept, "views_kept": views_kept})
        call.result = STEPS[step].run(self.root, parameters, _Remembering(self, call, sink))
        self.save()
        return call.result

    def is_done(self, step: str, parameters: Mapping[str, Any], inputs: object) -> bool:
        """Whether the step has ended with just these parameters and inputs."""
        call = self.calls.get(step)
        return call is not None and call.result is not None and call.asked == _asked(parameters, inputs)

    def parameters(self, step: str) -> dict[str, Any]:
        """What the newest call of a step was told; empty where there was none."""
        call = self.calls.get(step)
        return dict(call.asked["parameters"]) if call else {}

    def images(self) -> Images | None:
        """What the newest upload kept."""
        call = self.calls.get("upload")
        return next((one for one in call.records if isinstance(one, Images)), None) if call else None


def _asked(parameters: Mapping[str, Any], inputs: object) -> dict[str, Any]:
    """A call as JSON has it, to be compared."""
    told = {"parameters": dict(parameters), "inputs": inputs, "code": __version__}
    asked: dict[str, Any] = json.loads(json.dumps(told, sort_keys=True))
    return asked


@dataclass(frozen=True)
class _Remembering:
    """Remembers what a step keeps before it goes on, and passes it on to whoever watches."""

    memory: Memory
    call: Call
    sink: LocalSink

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Hand it on."""
        self.sink.progress(stage, fraction, message)

    def keep(self, record: Record) -> None:
        """Durable when it returns: a version's own record first, for the next call reads it."""
        if isinstance(record, Model):
            Folder(self.memory.root).save_model(record)
        self.call.records.append(record)
        self.memory.save()
        self.sink.keep(record)

    def show(self, preview: Preview) -> None:
        """Hand it on."""
        self.sink.show(preview)

    def warn(self, warning: Warn) -> None:
        """Once, however many attempts give it."""
        if warning not in self.call.warnings:
            self.call.warnings.append(warning)
            self.memory.save()
            self.sink.warn(warning)


@contextmanager
def remember(root: Path) -> Iterator[Memory]:
    """The memory of a folder, which no other call may use meanwhile."""
    with alone_in(root, root.parent):
        path = root / "calls.json"
        data = json.loads(path.read_text()) if path.exists() else {"photos": [], "calls": {}}
        calls = {
            name: Call(
                call["asked"],
                [_record.validate_python(record) for record in call["records"]],
                [Warn.model_validate(warning) for warning in call["warnings"]],
                call["result"],
            )
            for name, call in data["calls"].items()
        }
        yield Memory(root, list(data["photos"]), calls)


def in_known_order(photos: Sequence[Path], known: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Photos and their hashes: those known first, as they were, so that each keeps its number; then the new ones.

    Held-out photos are told by their number: one that measures must never come to be trained on. Raises
    ``out_holds_other_photos`` where one that was there is missing.
    """
    by_hash: dict[str, deque[Path]] = {}
    for photo in photos:
        with photo.open("rb") as file:
            by_hash.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), deque()).append(photo)
    ordered = []
    for digest in known:
        if not by_hash.get(digest):
            raise OtherPhotosError(
                "The --out folder was made from photos that are not among these.",
                suggestion="Photos may be added to an --out, not taken away: choose another --out.",
            )
        ordered.append((by_hash[digest].popleft(), digest))
    new = {photo: digest for digest, rest in by_hash.items() for photo in rest}
    ordered += [(photo, new[photo]) for photo in photos if photo in new]
    return [photo for photo, _ in ordered], [digest for _, digest in ordered]
