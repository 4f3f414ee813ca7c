"""A project that has lived, for tests of what becomes of whole projects."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as Picture
from tests.execution.house import House, model_record, views_record

from maquette.db import runs
from maquette.db.rows import Row, insert
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper, record_artifacts, store_files
from maquette.execution.uploads import image_row
from maquette.steps import STEPS
from maquette.steps.folder import Folder
from maquette.steps.records import (
    DepthMap,
    DepthMaps,
    EnhancedView,
    Export,
    File,
    Image,
    Images,
    MadeMesh,
    MeshFile,
    Model,
    Preview,
    Record,
    Warn,
)
from maquette.storage import keys


async def live(house: House, folder: Path, tmp_path: Path) -> None:
    """Photos, views, versions 0 and 1 with an enhanced view, depth maps, a mesh, an export: a row in every table."""
    await photos(house, tmp_path / "upload")
    run = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(views_record(Folder(folder)))
    await keeper.keep(model_record(Folder(folder), 0))
    await keeper.keep(depths(folder))
    await house.finish(run)
    run = await house.started("refine", {"from_version": 0})
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(second_version(folder))
    await house.finish(run)
    run = await house.started("export", {"format": "ply", "version": 1})
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(mesh(folder))
    await keeper.keep(export(folder))
    async with house.pool.connection() as conn:
        await runs.finish(conn, run["id"], run["attempt"], "completed", result={"format": "ply", **keeper.facts})


async def photos(house: House, folder: Path) -> None:
    """Three photos, taken in without the process that reads them."""
    kinds = ("original", "processed")
    files = [picture(folder, f"{kind}{n}.png", 90 + 10 * n + len(kind)) for n in range(3) for kind in kinds]
    images = tuple(
        Image(
            image_index=n,
            filename=f"IMG_{n}.png",
            verdict="ok",
            sha256=str(n) * 64,
            focal_px=0.1,
            original=files[2 * n].model_copy(update={"made_from": ()}),
            processed=files[2 * n + 1].model_copy(update={"made_from": (files[2 * n].path,)}),
        )
        for n in range(3)
    )
    run = await house.started("upload")
    made_by = keys.maker(run["id"], run["attempt"])
    stored = await store_files(house.objects, Images(images=images), folder, run["project_id"], made_by)
    async with house.pool.connection() as conn:
        ids = await record_artifacts(conn, run, stored, {})
        for image in images:
            await insert(conn, "source_images", image_row(run["project_id"], run["id"], 0, image, ids))
    await house.finish(run)


def picture(folder: Path, path: str, shade: int) -> File:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    Picture.new("L", (16, 12), shade).save(folder / path)
    return File(
        kind=Path(path).stem.rstrip("0123456789"), path=path, mime="image/png", made_from=("models/v0/model.ply",)
    )


def depths(folder: Path) -> DepthMaps:
    return DepthMaps(
        depth_maps=tuple(
            DepthMap(
                view_index=index,
                method="rendered_median",
                depth_min=0.1 + index,
                depth_max=None,
                depth_mean=1 / 3,
                coverage=1.0,
                depth=picture(folder, f"depth/depth_map{index}.png", 10 + index),
                heatmap=picture(folder, f"depth/depth_heatmap{index}.png", 30 + index),
            )
            for index in range(2)
        )
    )


def second_version(folder: Path) -> Model:
    record = model_record(Folder(folder), 1, parent=0, psnr=21.5)
    assert record.iteration is not None
    view = EnhancedView(
        view_index=2,
        method="classical",
        rendered=picture(folder, "rounds/rendered_view.png", 50),
        enhanced=picture(folder, "rounds/enhanced_view.png", 60),
        seed=2**40,
        prompt="a 'fountain'; drop table public.projects --",
    )
    return record.model_copy(update={"iteration": record.iteration.model_copy(update={"views": (view,)})})


def mesh(folder: Path) -> MadeMesh:
    file = picture(folder, "meshes/texture.png", 70)
    return MadeMesh(
        version=1,
        preset="fastest",
        filtered=False,
        method="tsdf/baked",
        triangles=12,
        vertices=8,
        watertight=True,
        texture_px=16,
        observed_share=0.5,
        split="held_out",
        psnr=20.1,
        ssim=0.7,
        degraded=False,
        seconds=1.5,
        files=(MeshFile(name="texture_0.png", file=file),),
    )


def export(folder: Path) -> Export:
    folder.joinpath("exports").mkdir(exist_ok=True)
    folder.joinpath("exports/model_v1.ply").write_bytes(folder.joinpath("models/v1/model.ply").read_bytes())
    return Export(
        version=1,
        format="ply",
        options={"optimize": False},
        file=File(
            kind="export", path="exports/model_v1.ply", mime="application/x-ply", made_from=("models/v1/model.ply",)
        ),
        seconds=0.1,
    )


@dataclass
class Here:
    """A sink that keeps records as the worker does, though the step runs in a thread of this process."""

    keeper: Keeper
    loop: asyncio.AbstractEventLoop
    warnings: list[Warn] = field(default_factory=list)

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Nobody watches."""

    def keep(self, record: Record) -> None:
        asyncio.run_coroutine_threadsafe(self.keeper.keep(record), self.loop).result()

    def show(self, preview: Preview) -> None:
        """Nobody looks."""

    def warn(self, warning: Warn) -> None:
        self.warnings.append(warning)


async def carried_out(house: House, work: Path, step: str, **parameters: object) -> Row:
    """A completed run of a step in the folder ``work``, without the seconds that a process of its own takes."""
    run = await house.started(step, parameters)
    settled = await fill_folder(house.pool, house.objects, run, work)
    sink = Here(await Keeper.open(house.pool, house.objects, run, work), asyncio.get_running_loop())
    result = await asyncio.to_thread(STEPS[step].run, work, settled, sink)
    warnings = [warning.model_dump(mode="json") for warning in sink.warnings]
    async with house.pool.connection() as conn:
        told = {**result, **sink.keeper.facts}
        return await runs.finish(conn, run["id"], run["attempt"], "completed", result=told, warnings=warnings)
