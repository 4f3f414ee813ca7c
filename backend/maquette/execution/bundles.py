"""What a bundle of a project holds, and how the folder of its export is filled."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from maquette import __version__
from maquette.db import bundles, records, retention
from maquette.db.rows import Connection, Row
from maquette.db.runs import FINAL
from maquette.execution.deaths import StepDiskFullError
from maquette.execution.wanted import Wanted
from maquette.recon.bundle import Manifest
from maquette.steps.bundle import MANIFEST, OBJECTS
from maquette.steps.folder import Folder, write_json

LIGHT_LEAVES_OUT: Final = (
    "checkpoint",
    "model_unfiltered",
    "model_filtered",
    "depth_map",
    "depth_heatmap",
    "rendered_view",
    "enhanced_view",
    "confidence_map",
    "view",
    "view_mask",
    "view_prior",
    "cameras",
    "sparse_points",
    "lenses",
)
"""Intermediates, as retention has them. Like there, what the promoted version and the newest need to be looked at and
exported stays, save for their checkpoints, which only a refine reads."""


async def manifest_of(conn: Connection, project_id: UUID, *, light: bool) -> Manifest:
    """Everything but the objects themselves; ``objects`` are those that should be there."""
    tables = await bundles.read_tables(conn, project_id)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    for run in tables["runs"]:
        if run["status"] not in FINAL:
            # In line behind this very export: where the bundle is imported nobody will carry it out.
            run.update(status="cancelled", finished_at=made_at, stage=None)
    if light:
        gone = {str(row["id"]) for row in await retention.intermediates(conn, project_id, LIGHT_LEAVES_OUT, limit=None)}
        for artifact in tables["artifacts"]:
            if artifact["id"] in gone or artifact["kind"] == "checkpoint":
                artifact["removed_at"] = artifact["removed_at"] or made_at
    return Manifest(
        generator=f"maquette {__version__}",
        made_at=made_at,
        schema=await bundles.newest_migration(conn),
        light=light,
        project=await bundles.project_row(conn, project_id),
        tables=tables,
        objects={one["sha256"]: one["bytes"] for one in tables["artifacts"] if one["removed_at"] is None},
    )


async def bundle_inputs(conn: Connection, run: Row, folder: Folder, parameters: dict[str, Any]) -> list[Wanted]:
    """Write the manifest into the folder of a run and say which objects belong beside it, each once; the version that
    the file is listed under is named in ``parameters``.

    One that storage has lost is done without, and the step says so. Raises ``disk_full`` before anything is fetched
    that would not fit: the objects and the file made of them lie here side by side.
    """
    parameters["version"] = (await records.model(conn, run["project_id"], parameters.get("version")))["version"]
    manifest = await manifest_of(conn, run["project_id"], light=bool(parameters.get("light")))
    await asyncio.to_thread(write_json, folder.root / MANIFEST, asdict(manifest))
    there = {one["sha256"]: one for one in manifest.tables["artifacts"] if one["removed_at"] is None}
    wanted = [Wanted(f"{OBJECTS}/{digest}", artifact, optional=True) for digest, artifact in there.items()]
    await asyncio.to_thread(_check_room, folder, wanted)
    return wanted


def _check_room(folder: Folder, wanted: list[Wanted]) -> None:
    fetched = sum((folder.root / one.path).stat().st_size for one in wanted if (folder.root / one.path).exists())
    needed = 2 * sum(one.artifact["bytes"] for one in wanted) - fetched
    if shutil.disk_usage(folder.root).free < needed:
        raise StepDiskFullError
