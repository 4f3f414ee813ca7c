"""Masks, known cameras, videos and what was made of them: kept while a refine needs them, gone with their project."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.execution.house import House, model_record, noise_jpeg, views_record
from tests.execution.test_inputs import disc, walk
from tests.retention.lived_in import make_older, objects_of

from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.recon.scenes.saved import DEPTHS_FOLDER, MASKS_FOLDER, load_saved_scene, save_scene
from maquette.retention.collect import collect
from maquette.retention.removed import Stores, Terms
from maquette.steps.folder import Folder
from maquette.steps.records import File, Views


@pytest.fixture
def guided(folder: Path) -> Path:
    """The scene, every second view of it with a mask and with depths to train by."""
    home = Folder(folder).scene
    scene = load_saved_scene(home)
    for name in (MASKS_FOLDER, DEPTHS_FOLDER):
        (home / name).mkdir(exist_ok=True)
    views = []
    for index, view in enumerate(scene.views):
        if index % 2:
            mask, depth = home / MASKS_FOLDER / f"{view.name}.png", home / DEPTHS_FOLDER / f"{view.name}.npz"
            Image.new("L", (view.camera.width, view.camera.height), 255).save(mask)
            np.savez(depth, depth=np.full((4, 4), index, np.float32))
            view = replace(view, mask_path=mask, depth_path=depth)
        views.append(view)
    save_scene(replace(scene, views=tuple(views)), home)
    return folder


def guided_views(root: Path) -> Views:
    folder = Folder(root)

    def beside(kind: str, path: Path | None) -> File | None:
        return path and File(kind=kind, path=folder.relative(path), mime="application/octet-stream")

    record, scene = views_record(folder), load_saved_scene(folder.scene)
    return record.model_copy(
        update={
            "views": tuple(
                view.model_copy(
                    update={
                        "mask": beside("view_mask", known.mask_path),
                        "prior": beside("view_prior", known.depth_path),
                    }
                )
                for view, known in zip(record.views, scene.views, strict=True)
            )
        }
    )


async def send_everything(house: House, root: Path) -> None:
    """Photos with a mask and cameras, and a video."""
    photos = {f"{n}.jpg": noise_jpeg(n) for n in range(3)}
    width, height = Image.open(io.BytesIO(photos["0.jpg"])).size
    mask = {"0.mask.png": disc(width, height)}
    await house.upload(root / "photos", {**photos, **mask, "transforms.json": b'{"frames": []}'})
    await house.upload(root / "video", {"walk.mp4": walk(root / "walk.mp4", frames=12)}, frames=3)


async def generate(house: House, root: Path, version: int) -> None:
    run = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, run, root)
    await keeper.keep(guided_views(root))
    await keeper.keep(model_record(Folder(root), version))
    await house.finish(run)


async def left(house: House) -> dict[str, int]:
    """Objects by kind, as rows and storage both have them."""
    there = set().union(*(await objects_of(house)).values())
    rows = await house.rows(
        "select kind, path from public.artifacts where project_id = %s and removed_at is null", house.project["id"]
    )
    assert {row["path"] for row in rows} == there
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["kind"]] = counts.get(row["kind"], 0) + 1
    return counts


async def test_what_was_sent_stays_and_what_a_view_brings_goes_with_it(
    house: House, stores: Stores, guided: Path, tmp_path: Path
) -> None:
    await send_everything(house, tmp_path)
    await generate(house, guided, 0)
    await generate(house, guided, 1)
    before = await left(house)
    assert before["view_mask"] == before["view_prior"] == 8 and before["view"] == 16
    await make_older(house, 8)
    [_] = [one async for one in collect(stores, Terms(0, 7), dry_run=False)]
    after = await left(house)
    # The second generate's version is promoted and the newest: only its views count.
    assert (after["view"], after["view_mask"], after["view_prior"]) == (8, 4, 4)
    sent = ("original", "processed", "mask", "poses")
    assert {kind: after[kind] for kind in sent} == {kind: before[kind] for kind in sent}
    assert after["poses"] == after["mask"] == 1 and after["original"] == 4 and after["processed"] == 6

    run = await house.started("refine", {"from_version": 1})
    await fill_folder(house.pool, house.objects, run, tmp_path / "there")
    scene = load_saved_scene(Folder(tmp_path / "there").scene)
    assert [view.mask_path is not None and view.mask_path.exists() for view in scene.views] == [False, True] * 4
    assert [view.depth_path is not None and view.depth_path.exists() for view in scene.views] == [False, True] * 4
    await house.finish(run)

    # What went can be made again: everything a generate reads is there.
    again = await house.started("generate")
    shutil.rmtree(tmp_path / "there")
    await fill_folder(house.pool, house.objects, again, tmp_path / "there")
    folder = Folder(tmp_path / "there")
    assert len(folder.kinds()) == 6 == len(list(folder.images.iterdir()))
    assert (folder.masks / "0000.jpg.png").exists() and (folder.poses / "transforms.json").exists()


async def test_a_project_goes_with_all_of_it(house: House, stores: Stores, guided: Path, tmp_path: Path) -> None:
    await send_everything(house, tmp_path)
    await generate(house, guided, 0)
    await make_older(house, 31)
    [removed] = [one async for one in collect(stores, Terms(30, 0), dry_run=False)]
    assert removed.what == "project" and removed.objects >= 30
    assert await objects_of(house) == {}
    assert await house.rows("select 1 from public.artifacts where project_id = %s", house.project["id"]) == []
