"""What the client answers: fields that are always there, by name; the server's whole answer in ``raw``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self
from uuid import UUID

RunStatus = Literal["queued", "running", "completed", "failed", "cancelled"]


@dataclass(frozen=True)
class Answer:
    """One object of the server. A newer server may tell more: it is in ``raw``."""

    raw: dict[str, Any] = dataclasses.field(repr=False)

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """From the server's JSON."""
        names = [one.name for one in dataclasses.fields(cls) if one.name != "raw"]
        values = {name: body.get(name) for name in names}
        ids = {name: UUID(value) for name, value in values.items() if _is_id(name) and isinstance(value, str)}
        return cls(raw=body, **{**values, **ids})


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("_id")


@dataclass(frozen=True)
class Project(Answer):
    """One capture and everything made from it."""

    id: UUID
    name: str
    status: Literal["created", "uploaded", "processing", "completed", "failed"]
    current_step: str | None
    progress_percentage: float


@dataclass(frozen=True)
class Run(Answer):
    """One call of a step. ``result``: what the step answers, once ``status`` is ``completed``."""

    id: UUID
    project_id: UUID
    step: str
    status: RunStatus
    stage: str | None
    message: str | None
    progress_percentage: float
    queue_position: int | None
    degraded: bool
    warnings: list[dict[str, Any]]
    error: dict[str, Any] | None
    result: dict[str, Any] | None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Model(Answer):
    """One version of a project's model; ``psnr`` in dB and ``ssim`` over the held-out views."""

    version: int
    parent_version: int | None
    promoted: bool
    psnr: float | None
    ssim: float | None
    num_gaussians: int
    model_url: str | None
    preview_url: str | None


@dataclass(frozen=True)
class Export(Answer):
    """A file of a version."""

    version: int
    format: str
    bytes: int
    sha256: str
    download_url: str | None


@dataclass(frozen=True)
class Event(Answer):
    """Something that happened in a project; ``seq`` has no gaps."""

    seq: int
    type: str
    run_id: UUID | None
    payload: dict[str, Any]


@dataclass(frozen=True)
class Upload:
    """What came of an upload, over all of its requests."""

    project_id: UUID
    images: list[dict[str, Any]]
    """Each with ``verdict`` and ``reasons``."""
    capture: dict[str, Any] | None
    """The verdict on the set."""
    warnings: list[dict[str, Any]]
    degraded: bool
