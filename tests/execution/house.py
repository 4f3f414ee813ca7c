"""A project in the real database and storage, and runs of it, made by the code that the service uses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from PIL import Image

from maquette.db import projects, records, runs
from maquette.db.connection import Pool, open_pool
from maquette.db.rows import Row, fetch_all
from maquette.embedded.compat import LOCAL_OWNER
from maquette.execution.keeper import Keeper
from maquette.execution.uploads import execute_upload
from maquette.queue.jobs import enqueue
from maquette.recon.formats import format_named
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.train import first_state
from maquette.recon.train_settings import TrainSettings
from maquette.settings import Connections, Settings
from maquette.steps.folder import Folder
from maquette.steps.parameters import UploadParameters
from maquette.steps.records import File, Iteration, Losses, Metric, Model, View, Views
from maquette.storage.client import Objects


@dataclass
class House:
    """Pool, buckets and one project."""

    settings: Settings
    connections: Connections
    pool: Pool
    objects: Objects
    project: Row = field(default_factory=dict)

    async def upload(self, folder: Path, photos: dict[str, bytes], **parameters: Any) -> Row:
        """Send photos by name, as the API does."""
        (folder / "incoming").mkdir(parents=True)
        entries = []
        for number, (name, data) in enumerate(photos.items()):
            (folder / "incoming" / f"{number:04d}").write_bytes(data)
            entries.append({"file": f"{number:04d}", "filename": name})
        (folder / "incoming.json").write_text(json.dumps(entries))
        return await execute_upload(
            pool=self.pool,
            objects=self.objects,
            settings=self.settings,
            project=self.project,
            folder=folder,
            parameters=UploadParameters(**parameters),
        )

    async def queue(self, step: str, parameters: dict[str, Any], project: Row | None = None) -> Row:
        """A run in line with its job, as the API makes it."""
        async with self.pool.connection() as conn:
            run = await runs.create(conn, (project or self.project)["id"], step, parameters=parameters)
            await enqueue(conn, run)
            return run

    async def started(self, step: str, parameters: dict[str, Any] | None = None) -> Row:
        """A run that has begun, with no job."""
        async with self.pool.connection() as conn:
            run = await runs.create(conn, self.project["id"], step, parameters=parameters or {})
            started = await runs.start(conn, run["id"])
        assert started is not None
        return started

    async def again(self, run: Row) -> Row:
        """The next attempt of a run whose worker was lost."""
        async with self.pool.connection() as conn:
            assert await runs.requeue(conn, run["id"], run["attempt"], {"code": "worker_lost"}) is not None
            started = await runs.start(conn, run["id"])
        assert started is not None
        return started

    async def finish(self, run: Row) -> None:
        async with self.pool.connection() as conn:
            await runs.finish(conn, run["id"], run["attempt"], "completed")

    async def run(self, run_id: UUID) -> Row:
        return (await self.rows("select * from public.runs where id = %s", run_id))[0]

    async def rows(self, query: str, *values: object) -> list[Row]:
        async with self.pool.connection() as conn:
            return await fetch_all(conn, query, list(values))  # type: ignore[arg-type]

    async def end_everything(self) -> None:
        """No run of any test waits or runs any more: a worker of the next test would take it."""
        await self.drop_jobs()
        for run in await self.rows("select * from public.runs where status in ('queued', 'running')"):
            async with self.pool.connection() as conn:
                if run["status"] == "running":
                    await runs.finish(conn, run["id"], run["attempt"], "cancelled")
                else:
                    await runs.request_cancel(conn, run["id"])

    async def drop_jobs(self) -> None:
        """Empty the queue; runs stay as they are."""
        async with self.pool.connection() as conn:
            await conn.execute("select set_config('search_path', 'jobs, public', true)")
            await conn.execute("delete from jobs.procrastinate_jobs")

    async def model(self, version: int) -> Row:
        async with self.pool.connection() as conn:
            return await records.model(conn, self.project["id"], version)

    async def until(self, run_id: UUID, *statuses: str, seconds: float = 60) -> Row:
        """Wait for a run to come to one of these statuses."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (run := await self.run(run_id))["status"] not in statuses:
            assert asyncio.get_running_loop().time() < deadline, f"run is {run['status']}: {run['error']}"
            await asyncio.sleep(0.02)
        return run

    async def with_version(self, folder: Path) -> None:
        """Give the project a first version, as a finished generate would."""
        run = await self.started("generate")
        keeper = await Keeper.open(self.pool, self.objects, run, folder)
        await keeper.keep(views_record(Folder(folder)))
        await keeper.keep(model_record(Folder(folder), 0))
        await self.finish(run)


@asynccontextmanager
async def house_of(connections: Connections, home: Path) -> AsyncIterator[House]:
    """A house with a new project of the local owner."""
    settings = Settings(home=home)
    async with open_pool(connections.database_url) as pool, Objects.open(connections) as objects:
        house = House(settings, connections, pool, objects)
        async with pool.connection() as conn:
            house.project = await projects.create(conn, UUID(LOCAL_OWNER), "Test")
        try:
            yield house
        finally:
            await house.end_everything()


def views_record(folder: Folder) -> Views:
    """Cameras of the scene in the folder; view 0 is held out."""
    scene = load_saved_scene(folder.scene)
    return Views(
        views=tuple(
            View(
                view_index=index,
                name=view.name,
                split="held_out" if index == 0 else "training",
                camera=view.camera.as_dict(),
                image=File(kind="view", path=folder.relative(view.image_path), mime="image/jpeg"),
            )
            for index, view in enumerate(scene.views)
        ),
        placements=(),
        scene_files=tuple(
            File(kind=kind, path=f"sfm/scene/{name}", mime="application/octet-stream")
            for kind, name in (("cameras", "cameras.json"), ("sparse_points", "points.npz"))
        ),
        eval_names=(scene.views[0].name,),
        eval_width=160,
        eval_height=120,
    )


def model_record(folder: Folder, version: int, parent: int | None = None, psnr: float = 20.0) -> Model:
    """A version whose Gaussians lie at the sparse points; its files are real, its numbers are given."""
    scene = load_saved_scene(folder.scene)
    home = folder.model(version)
    home.mkdir(parents=True, exist_ok=True)
    settings = TrainSettings(iterations=10, max_gaussians=300, seed=version)
    state = first_state(scene, settings)
    state.save(home / "checkpoint.npz")
    format_named("ply").write(state.gaussians, home / "model.ply", provenance={"version": str(version)})
    Image.new("RGB", (8, 8), (version, 0, 0)).save(home / "preview.jpg")
    views = tuple(folder.relative(view.image_path) for view in scene.views[1:])
    files = {
        name: File(
            kind=name,
            path=folder.relative(home / file),
            mime="image/jpeg" if file.endswith("jpg") else "application/octet-stream",
            made_from=views,
        )
        for name, file in (
            ("model", "model.ply"),
            ("unfiltered", "model.ply"),
            ("filtered", "model.ply"),
            ("checkpoint", "checkpoint.npz"),
            ("preview", "preview.jpg"),
        )
    }
    return Model(
        version=version,
        parent_version=parent,
        method="generate" if parent is None else "refine",
        promote=True,
        num_gaussians=len(state.gaussians),
        num_gaussians_unfiltered=len(state.gaussians),
        sh_degree=3,
        iterations=10,
        metrics=(
            Metric(split="held_out", view_index=None, psnr=psnr, ssim=0.5, overall_quality=0.5),
            Metric(split="held_out", view_index=0, psnr=psnr, ssim=0.5),
            Metric(split="training", view_index=None, psnr=psnr + 1, ssim=0.5, overall_quality=0.5),
        ),
        losses=Losses(definition="L1", every=5, iterations=(5, 10), losses=(0.2, 0.125)),
        iteration=None
        if parent is None
        else Iteration(
            iteration=version,
            method="none",
            quality_before=0.4,
            quality_after=0.5,
            relative_gain=0.25,
            converged=False,
            seconds=1.0,
        ),
        details={"preset": "fastest", "settings": {"iterations": 10}, "floaters": {"accepted": True}},
        **files,
    )


def noise_jpeg(seed: int) -> bytes:
    """A sharp picture that no other seed gives."""
    import io

    cells = np.random.default_rng(seed).integers(0, 255, (32, 40, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(cells).resize((640, 512), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()
