"""A stand-in for the worker: it does to rows and objects what the worker does, without computing anything."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from maquette.db import artifacts, records, runs
from maquette.db.connection import connect_async
from maquette.db.rows import Connection, Row, insert
from maquette.settings import Connections
from maquette.storage.client import Objects

T = TypeVar("T")

CAMERA = {
    "width": 4, "height": 3, "fx": 4.0, "fy": 4.0, "cx": 2.0, "cy": 1.5,
    "camera_from_world": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]],
}  # fmt: skip
"""How every view was taken, as far as these rows know."""


class Worker:
    """Synchronous, so that tests read as a sequence; every call has a connection of its own."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections

    def do(self, work: Callable[[Connection, Objects], Awaitable[T]]) -> T:
        async def done() -> T:
            async with (
                await connect_async(self.connections.database_url) as conn,
                Objects.open(self.connections) as objects,
            ):
                return await work(conn, objects)

        return asyncio.run(done())

    def sql(self, query: str, *values: Any) -> list[Row]:
        async def work(conn: Connection, _: Objects) -> list[Row]:
            cursor = await conn.execute(query.encode(), values)
            return await cursor.fetchall() if cursor.description else []

        return self.do(work)

    def add_photos(self, project_id: str, count: int = 3, verdict: str = "ok") -> None:
        async def work(conn: Connection, _: Objects) -> None:
            for _n in range(count):
                known = await records.photos(conn, uuid.UUID(project_id))
                await insert(
                    conn,
                    "source_images",
                    {
                        "project_id": project_id,
                        "image_index": len(known),
                        "filename": f"{len(known)}.jpg",
                        "verdict": verdict,
                        "sha256": sha256(f"{project_id}{len(known)}".encode()).hexdigest(),
                    },
                )

        self.do(work)

    def start(self, run_id: str) -> None:
        async def work(conn: Connection, _: Objects) -> None:
            assert await runs.start(conn, uuid.UUID(run_id))

        self.do(work)

    def beat(self, run_id: str, percentage: float, stage: str = "training") -> None:
        async def work(conn: Connection, _: Objects) -> None:
            await runs.beat(conn, uuid.UUID(run_id), 1, stage=stage, percentage=percentage, message="at it")

        self.do(work)

    def fail(self, run_id: str, error: dict[str, Any]) -> None:
        async def work(conn: Connection, _: Objects) -> None:
            run = await runs.start(conn, uuid.UUID(run_id))
            assert run is not None
            await runs.finish(conn, run["id"], run["attempt"], "failed", error=error)

        self.do(work)

    def finish_cancelled(self, run_id: str) -> None:
        async def work(conn: Connection, _: Objects) -> None:
            await runs.finish(conn, uuid.UUID(run_id), 1, "cancelled")

        self.do(work)

    def generate(self, run_id: str) -> None:
        """Two training views and a held-out one, a depth map each, and a first version."""

        async def work(conn: Connection, objects: Objects) -> None:
            run = await self._started(conn, run_id)
            version = await self._next_version(conn, run["project_id"])
            views = []
            for index in range(3):
                image = await self._store(
                    conn, objects, run, "view", "multiview-images", f"view{index}.jpg", "image/jpeg"
                )
                view = await insert(
                    conn,
                    "multiview_generation",
                    {
                        "project_id": run["project_id"],
                        "run_id": run["id"],
                        "view_index": index,
                        "name": f"{index:04d}.jpg",
                        "split": "held_out" if index == 0 else "training",
                        "camera": CAMERA,
                        "image_artifact_id": image,
                    },
                )
                views.append(view)
                depth = await self._store(conn, objects, run, "depth", "depth-maps", f"depth{index}.png", "image/png")
                await insert(
                    conn,
                    "depth_maps",
                    {
                        "project_id": run["project_id"],
                        "run_id": run["id"],
                        "view_id": view["id"],
                        "method": "rendered_median",
                        "depth_min": 1.0,
                        "depth_max": 2.0,
                        "depth_mean": 1.5,
                        "coverage": 1.0,
                        "depth_artifact_id": depth,
                    },
                )
            await self._model(conn, objects, run, version, None, run["id"], 25.0)
            result = {
                "version": version,
                "views_generated": 3,
                "depth_maps_generated": 3,
                "photos_placed": 3,
                "psnr": 25.0,
                "ssim": 0.8,
                "num_gaussians": 100,
            }
            await runs.finish(conn, run["id"], run["attempt"], "completed", result=result, timings={"total": 1.0})

        self.do(work)

    def refine(self, run_id: str, rounds: int = 2) -> None:
        async def work(conn: Connection, objects: Objects) -> None:
            run = await self._started(conn, run_id)
            parent = await records.model(conn, run["project_id"], run["parameters"]["from_version"])
            versions, metrics = [], []
            for number in range(1, rounds + 1):
                version = await self._next_version(conn, run["project_id"])
                quality = 25.0 + version
                await self._model(conn, objects, run, version, parent["version"], parent["view_run_id"], quality)
                await insert(
                    conn,
                    "enhancement_iterations",
                    {
                        "project_id": run["project_id"],
                        "run_id": run["id"],
                        "iteration": number,
                        "parent_version": parent["version"],
                        "version": version,
                        "method": "none",
                        "quality_before": 0.5,
                        "quality_after": 0.6,
                        "relative_gain": 0.2,
                        "converged": number == rounds,
                        "promoted": True,
                        "seconds": 1.0,
                    },
                )
                parent = await records.model(conn, run["project_id"], version)
                versions.append(version)
                metrics.append(
                    {
                        "iteration": number,
                        "version": version,
                        "psnr": quality,
                        "ssim": 0.8,
                        "overall_quality": 0.6,
                        "relative_gain": 0.2,
                    }
                )
            result = {
                "iterations_completed": rounds,
                "converged": True,
                "versions": versions,
                "final_version": versions[-1],
                "metrics": metrics,
            }
            await runs.finish(conn, run["id"], run["attempt"], "completed", result=result)

        self.do(work)

    def export(self, run_id: str) -> None:
        async def work(conn: Connection, objects: Objects) -> None:
            run = await self._started(conn, run_id)
            asked = run["parameters"]
            suffix = asked["format"]
            file = await self._store(
                conn, objects, run, "export", "3d-models", f"export.{suffix}", "application/octet-stream"
            )
            stored = await artifacts.get(conn, file)
            assert stored is not None
            row = await insert(
                conn,
                "export_history",
                {
                    "project_id": run["project_id"],
                    "run_id": run["id"],
                    "version": asked["version"],
                    "format": suffix,
                    "options": {"optimize": asked["optimize"]},
                    "artifact_id": file,
                    "bytes": stored["bytes"],
                    "sha256": stored["sha256"],
                    "seconds": 0.1,
                },
            )
            result = {
                "version": asked["version"],
                "format": suffix,
                "export_id": str(row["id"]),
                "artifact_id": str(file),
                "bytes": stored["bytes"],
                "sha256": stored["sha256"],
            }
            await runs.finish(conn, run["id"], run["attempt"], "completed", result=result)

        self.do(work)

    async def _started(self, conn: Connection, run_id: str) -> Row:
        run = await runs.start(conn, uuid.UUID(run_id))
        assert run is not None, "the run was not queued"
        return run

    async def _next_version(self, conn: Connection, project_id: uuid.UUID) -> int:
        page = await records.page(conn, "models", project_id, limit=100)
        return len(page.items)

    async def _store(
        self, conn: Connection, objects: Objects, run: Row, kind: str, bucket: str, name: str, mime: str
    ) -> uuid.UUID:
        content = f"{name} of run {run['id']}".encode()
        key = f"{run['project_id']}/{run['id']}/{name}"
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            await objects.upload(bucket, key, Path(file.name), mime)
        return await artifacts.record(
            conn,
            project_id=run["project_id"],
            run_id=run["id"],
            kind=kind,
            bucket=bucket,
            path=key,
            sha256=sha256(content).hexdigest(),
            size=len(content),
            mime=mime,
        )

    async def _model(
        self,
        conn: Connection,
        objects: Objects,
        run: Row,
        version: int,
        parent: int | None,
        view_run_id: uuid.UUID,
        psnr: float,
    ) -> None:
        file = await self._store(
            conn, objects, run, "model", "3d-models", f"model{version}.ply", "application/octet-stream"
        )
        await insert(
            conn,
            "gaussian_splat_models",
            {
                "project_id": run["project_id"],
                "run_id": run["id"],
                "view_run_id": view_run_id,
                "version": version,
                "parent_version": parent,
                "method": run["step"],
                "num_gaussians": 100,
                "num_gaussians_unfiltered": 110,
                "sh_degree": 1,
                "iterations": 10,
                "psnr": psnr,
                "ssim": 0.8,
                "overall_quality": 0.5,
                "model_artifact_id": file,
            },
        )
        await records.promote(conn, run["project_id"], version)
        await conn.execute(
            "insert into public.eval_sets (project_id, width, height, image_names)"
            " values (%s, 64, 48, '[\"0000.jpg\"]') on conflict (project_id) do nothing",
            [run["project_id"]],
        )
        of_project = "select id from public.eval_sets where project_id = %s"
        eval_set = await (await conn.execute(of_project, [run["project_id"]])).fetchone()
        assert eval_set is not None
        await insert(
            conn,
            "refinement_metrics",
            {
                "project_id": run["project_id"],
                "run_id": run["id"],
                "version": version,
                "eval_set_id": eval_set["id"],
                "split": "held_out",
                "psnr": psnr,
                "ssim": 0.8,
            },
        )
