"""What a worker holds for as long as it lives: settings, database pool, buckets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psycopg_pool import AsyncConnectionPool

from maquette.db.rows import Connection
from maquette.settings import Settings
from maquette.storage.client import Objects


@dataclass(frozen=True)
class Services:
    """Shared by all runs that a worker carries out."""

    settings: Settings
    pool: AsyncConnectionPool[Connection]
    objects: Objects

    @property
    def work(self) -> Path:
        """Where runs have their folders; one survives a crash, so that the next attempt resumes from it."""
        return self.settings.home / "work"
