"""Bundles for tests of the API, without a worker."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

from tests.api.worker import Worker

from maquette.db.rows import Connection
from maquette.execution.bundles import manifest_of
from maquette.recon.bundle import BundleWriter, Manifest
from maquette.storage.client import Objects


def empty_bundle(name: str = "Empty", schema: str = "0014_tell_imports.sql") -> bytes:
    """A project without anything in it."""
    manifest = Manifest("maquette", "2026-01-01", schema, False, {"name": name, "capture": None}, {})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.zip"
        with BundleWriter(path) as writer:
            writer.finish(manifest)
        return path.read_bytes()


def bundle_of(worker: Worker, project_id: str) -> bytes:
    """What a worker would make of a project."""

    async def work(conn: Connection, objects: Objects) -> bytes:
        manifest = await manifest_of(conn, uuid.UUID(project_id), light=False)
        with tempfile.TemporaryDirectory() as folder:
            path, one = Path(folder) / "bundle.zip", Path(folder) / "object"
            with BundleWriter(path) as writer:
                for artifact in manifest.tables["artifacts"]:
                    await objects.download(artifact["bucket"], artifact["path"], one)
                    writer.add(artifact["sha256"], one)
                writer.finish(manifest)
            return path.read_bytes()

    return worker.do(work)
