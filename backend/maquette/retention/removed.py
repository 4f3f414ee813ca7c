"""What a collection tells of one thing it removed, or would remove, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from maquette.db.connection import Pool
from maquette.errors import MaquetteError
from maquette.rendering.cache import Cache, renders_of
from maquette.settings import Settings
from maquette.storage.client import Objects

What = Literal[
    "project",
    "intermediates",
    "unclaimed files",
    "objects without rows",
    "rows without objects",
    "objects of a wrong size",
]


@dataclass(frozen=True)
class Stores:
    """Where projects are: rows, buckets, and the pictures this machine keeps."""

    pool: Pool
    objects: Objects
    home: Path

    def forget_pictures(self, project_id: UUID) -> None:
        """Remove what this machine's cache holds of a project; on other machines it goes unused within days."""
        Cache(renders_of(self.home), 0).forget(project_id)


@dataclass(frozen=True)
class Terms:
    """After how many days without a change things go; 0: never."""

    project_days: int
    intermediate_days: int

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """As the settings say."""
        return cls(settings.retention_days, settings.intermediate_days)

    @property
    def anything(self) -> bool:
        """Whether anything goes by itself."""
        return self.project_days > 0 or self.intermediate_days > 0


@dataclass(frozen=True)
class Removed:
    """One thing with its ``objects`` and ``bytes``; of rows without objects, those that the rows tell of.

    ``error``: why it is still there, though it should have gone; the next collection tries again.
    """

    what: What
    project_id: UUID
    name: str
    why: str
    objects: int
    bytes: int
    error: MaquetteError | None = None

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "what": self.what,
            "project_id": str(self.project_id),
            "name": self.name,
            "why": self.why,
            "objects": self.objects,
            "bytes": self.bytes,
            "error": self.error.as_dict() if self.error else None,
        }
