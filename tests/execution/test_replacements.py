"""A photo replaced: nothing is written over, exactly what was made of it is stale, and a refine sees what waits."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.execution.house import House, model_record, noise_jpeg, views_record

from maquette.db import projects, records, staleness
from maquette.db.rows import Row
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.execution.replacements import (
    DuplicatePhotoError,
    ImageNotFoundError,
    PhotosInUseError,
    prepare,
    write,
)
from maquette.execution.uploads import StepFailedError
from maquette.steps.folder import Folder
from maquette.steps.parameters import UploadParameters
from maquette.steps.records import DepthMap, DepthMaps, File, Model, RenewedView, RenewedViews, Views
from maquette.steps.waiting import HeldOutPhotoFixedError

PHOTOS = {f"IMG_{number}.jpg": noise_jpeg(number) for number in range(8)}
"""As many as the scene has views; view 0 is held out."""


async def replace_photo(house: House, place: Path, index: int, data: bytes, name: str = "again.jpg") -> Row:
    """Send a photo in place of another, as the API does."""
    (place / "incoming").mkdir(parents=True)
    (place / "incoming" / "0000").write_bytes(data)
    (place / "incoming.json").write_text(json.dumps([{"file": "0000", "filename": name}]))
    prepared = await prepare(
        objects=house.objects,
        settings=house.settings,
        project_id=house.project["id"],
        image_index=index,
        folder=place,
        parameters=UploadParameters(),
    )
    async with house.pool.connection() as conn:
        project = await projects.get(conn, house.project["id"], house.project["owner_id"], lock=True)
        return await write(conn, project, prepared)


async def listed(house: House, noun: str, *, history: bool = False) -> list[Row]:
    async with house.pool.connection() as conn:
        return (await records.page(conn, noun, house.project["id"], limit=100, history=history)).items


async def stale(house: House) -> Row:
    async with house.pool.connection() as conn:
        return await staleness.summary(conn, house.project["id"])


async def generated(house: House, folder: Path, tmp_path: Path) -> Row:
    """Eight photos, and what a generate makes of them, with its lineage."""
    await house.upload(tmp_path / "upload", PHOTOS)
    run = await house.started("generate")
    await fill_folder(house.pool, house.objects, run, folder)
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(with_photos(views_record(Folder(folder))))
    model = with_frame(model_record(Folder(folder), 0))
    await keeper.keep(model)
    await keeper.keep(depth_record(Folder(folder), model, range(8)))
    await house.finish(run)
    return run


def with_photos(views: Views) -> Views:
    """Each view was made from its photo, the cameras from all of them."""
    photos = tuple(f"images/{view.name}" for view in views.views)
    made = [
        view.model_copy(update={"image": view.image.model_copy(update={"made_from": (photo,)})})
        for view, photo in zip(views.views, photos, strict=True)
    ]
    files = [file.model_copy(update={"made_from": photos}) for file in views.scene_files]
    return views.model_copy(update={"views": tuple(made), "scene_files": tuple(files)})


def with_frame(model: Model, *more: str) -> Model:
    """A version is made of cameras and points too, and of what it began from."""
    frame = ("sfm/scene/cameras.json", "sfm/scene/points.npz", *more)
    files = {
        name: (file := getattr(model, name)).model_copy(update={"made_from": (*file.made_from, *frame)})
        for name in ("model", "unfiltered", "filtered", "checkpoint", "preview")
    }
    return model.model_copy(update=files)


def depth_record(folder: Folder, model: Model, views: Any) -> DepthMaps:
    folder.depth.mkdir(exist_ok=True)
    maps = []
    for index in views:
        path = folder.depth / f"{index:04d}.png"
        path.write_bytes(b"depth %d of version %d" % (index, model.version))
        view = f"sfm/scene/images/{index:04d}.jpg"
        file = File(kind="depth_map", path=folder.relative(path), mime="image/png", made_from=(model.model.path, view))
        maps.append(
            DepthMap(
                view_index=index,
                method="rendered_median",
                depth_min=1,
                depth_max=2,
                depth_mean=1.5,
                coverage=1,
                depth=file,
                heatmap=File(kind="depth_heatmap", path=file.path, mime="image/png"),
            )
        )
    return DepthMaps(depth_maps=tuple(maps))


def renewed(folder: Folder, index: int) -> RenewedViews:
    """The view made again, with a camera moved to the side."""
    view = views_record(folder).views[index]
    camera = {**view.camera, "camera_from_world": [[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}
    photo, cameras = f"replacements/{view.name}", folder.scene / "cameras.json"
    shutil.copy(folder.root / photo, folder.root / view.image.path)
    told = json.loads(cameras.read_text())
    told["views"][index]["camera"] = camera
    cameras.write_text(json.dumps(told))
    image = view.image.model_copy(update={"made_from": (photo,)})
    details = {"how": "registered"}
    again = RenewedView(**{**view.model_dump(), "camera": camera, "image": image, "details": details})
    path = folder.relative(cameras)
    file = File(kind="cameras", path=path, mime="application/json", made_from=(path, photo))
    return RenewedViews(views=(again,), cameras=file)


async def test_the_old_photo_stays_beside_the_new_one(house: House, tmp_path: Path) -> None:
    await house.upload(tmp_path / "a", {name: PHOTOS[name] for name in ("IMG_0.jpg", "IMG_1.jpg", "IMG_2.jpg")})
    before = await listed(house, "images")
    row = await replace_photo(house, tmp_path / "b", 1, noise_jpeg(50))
    after = await listed(house, "images")
    assert [image["filename"] for image in after] == ["IMG_0.jpg", "again.jpg", "IMG_2.jpg"]
    assert [image["id"] for image in after] == [before[0]["id"], row["id"], before[2]["id"]]
    assert (row["generation"], row["replaces_id"], row["replaced_at"]) == (1, before[1]["id"], None)
    every = {image["id"]: image for image in await listed(house, "images", history=True)}
    old = every[before[1]["id"]]
    assert len(every) == 4 and old["replaced_at"] is not None
    unchanged = set(old) - {"replaced_at", "stale", "stale_because"}
    assert {name: old[name] for name in unchanged} == {name: before[1][name] for name in unchanged}
    for name in ("original", "processed"):
        stored = old["objects"][name]
        await house.objects.download(stored["bucket"], stored["path"], tmp_path / name)
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == stored["sha256"]
    async with house.pool.connection() as conn:
        assert len(await records.photos(conn, house.project["id"])) == 3
    (event,) = await house.rows(
        "select payload from public.events where project_id = %s and type = 'replace'", house.project["id"]
    )
    assert event["payload"]["image_index"] == 1 and event["payload"]["replaces_id"] == str(before[1]["id"])


async def test_exactly_what_was_made_of_it_is_stale(house: House, folder: Path, tmp_path: Path) -> None:
    await generated(house, folder, tmp_path)
    assert await stale(house) == {"views": [], "depth_maps": [], "models": []}
    await replace_photo(house, tmp_path / "b", 2, noise_jpeg(50))
    assert await stale(house) == {"views": ["0002.jpg"], "depth_maps": ["0002.jpg"], "models": [0]}
    for noun, where in (("views", "view_index"), ("depth-maps", "view_index")):
        rows = await listed(house, noun)
        assert [row[where] for row in rows if row["stale"]] == [2], noun
    (model,) = await listed(house, "models")
    assert model["stale"] and [photo["filename"] for photo in model["stale_because"]] == ["IMG_2.jpg"]
    assert [image["stale"] for image in await listed(house, "images")] == [False] * 8
    found = await house.rows("select kind from public.stale_artifacts(%s)", house.project["id"])
    assert "cameras" not in {row["kind"] for row in found}, "the frame that all photos share stays"


async def test_a_refine_is_told_what_waits_and_what_it_makes_is_fresh(
    house: House, folder: Path, tmp_path: Path
) -> None:
    generate = await generated(house, folder, tmp_path)
    others = {row["id"]: row for row in await listed(house, "views") if row["view_index"] != 2}
    await replace_photo(house, tmp_path / "b", 2, noise_jpeg(50))
    run = await house.started("refine", {"from_version": 0})
    place = tmp_path / "refine"
    await fill_folder(house.pool, house.objects, run, place)
    (waiting,) = Folder(place).project()["replaced"]
    assert (waiting["name"], waiting["filename"]) == ("0002.jpg", "again.jpg")
    photo = hashlib.sha256((place / waiting["photo"]).read_bytes()).hexdigest()
    assert [row["objects"]["processed"]["sha256"] for row in await listed(house, "images")][2] == photo

    keeper = await Keeper.open(house.pool, house.objects, run, place)
    await keeper.keep(renewed(Folder(place), 2))
    views = await listed(house, "views")
    new = views[2]
    assert (new["generation"], new["made_by_run_id"], new["run_id"]) == (1, run["id"], generate["id"])
    assert (new["split"], new["stale"], new["details"]) == ("training", False, {"how": "registered"})
    assert {row["id"]: {**row} for row in views if row["view_index"] != 2} == others, "no other row was touched"
    old = next(row for row in await listed(house, "views", history=True) if row["replaced_at"] is not None)
    assert old["stale"] and old["id"] == new["replaces_id"] and old["objects"] != new["objects"]
    lineage = await house.rows("select path from public.artifact_lineage(%s)", new["image_artifact_id"])
    assert any(row["path"].endswith(f"{photo[:12]}.jpg") for row in lineage)
    image = (await listed(house, "images"))[2]
    assert image["placed"] is True

    # Another attempt, on any machine, goes on from there.
    again, elsewhere = await house.again(run), tmp_path / "elsewhere"
    await fill_folder(house.pool, house.objects, again, elsewhere)
    project = Folder(elsewhere).project()
    assert (project["replaced"], project["views_without_depth"]) == ([], ["0002.jpg"])
    assert (elsewhere / "sfm/scene/cameras.json").read_bytes() == (place / "sfm/scene/cameras.json").read_bytes()
    assert (elsewhere / new["name"]).name in {path.name for path in (elsewhere / "sfm/scene/images").iterdir()}

    keeper = await Keeper.open(house.pool, house.objects, again, elsewhere)
    model = with_frame(model_record(Folder(elsewhere), 1, parent=0), "models/v0/checkpoint.npz")
    await keeper.keep(model)
    await keeper.keep(depth_record(Folder(elsewhere), model, [2]))
    assert await stale(house) == {"views": [], "depth_maps": [], "models": [0]}
    depth = await listed(house, "depth-maps")
    assert [row["view_index"] for row in depth] == list(range(8))
    assert [row["run_id"] for row in depth if row["run_id"] != generate["id"]] == [run["id"]]
    cameras = await house.rows("select path, run_id from public.model_lineage(%s, 1) l join public.artifacts a"
                               " using (path) where a.kind = 'cameras'", house.project["id"])  # fmt: skip
    assert {row["run_id"] for row in cameras} == {run["id"], generate["id"]}, "the new cameras come from the old ones"


async def test_the_old_picture_sent_again_makes_everything_fresh(house: House, folder: Path, tmp_path: Path) -> None:
    await generated(house, folder, tmp_path)
    await replace_photo(house, tmp_path / "b", 2, noise_jpeg(50))
    await replace_photo(house, tmp_path / "c", 2, PHOTOS["IMG_2.jpg"])
    assert await stale(house) == {"views": [], "depth_maps": [], "models": []}
    async with house.pool.connection() as conn:
        model = await records.model(conn, house.project["id"], 0)
        assert await staleness.views_to_renew(conn, model["view_run_id"]) == []
    assert len(await listed(house, "images", history=True)) == 10


async def test_the_same_picture_changes_nothing(house: House, tmp_path: Path) -> None:
    await house.upload(tmp_path / "a", {"a.jpg": noise_jpeg(1), "b.jpg": noise_jpeg(2)})
    before = await listed(house, "images", history=True)
    row = await replace_photo(house, tmp_path / "b", 1, noise_jpeg(2))
    assert row["id"] == before[1]["id"]
    assert await listed(house, "images", history=True) == before


@pytest.mark.parametrize("status", ["queued", "running"])
@pytest.mark.parametrize("step", ["generate", "refine"])
async def test_not_while_a_step_reads_the_photos(house: House, tmp_path: Path, step: str, status: str) -> None:
    await house.upload(tmp_path / "a", {"a.jpg": noise_jpeg(1)})
    run = await (house.queue(step, {}) if status == "queued" else house.started(step))
    with pytest.raises(PhotosInUseError) as refused:
        await replace_photo(house, tmp_path / "b", 0, noise_jpeg(2))
    assert refused.value.details == {"run_id": str(run["id"])} and status in refused.value.message
    assert [image["filename"] for image in await listed(house, "images", history=True)] == ["a.jpg"]


async def test_an_export_is_in_nobodys_way(house: House, tmp_path: Path) -> None:
    await house.upload(tmp_path / "a", {"a.jpg": noise_jpeg(1)})
    await house.queue("export", {})
    assert (await replace_photo(house, tmp_path / "b", 0, noise_jpeg(2)))["generation"] == 1


async def test_what_cannot_take_its_place_changes_nothing(house: House, folder: Path, tmp_path: Path) -> None:
    await generated(house, folder, tmp_path)
    before = await listed(house, "images", history=True)
    for number, (index, data, error, code) in enumerate(
        (
            (0, noise_jpeg(50), HeldOutPhotoFixedError, "held_out_photo_fixed"),
            (8, noise_jpeg(50), ImageNotFoundError, "image_not_found"),
            (2, PHOTOS["IMG_3.jpg"], DuplicatePhotoError, "duplicate_photo"),
            (2, b"no picture at all", StepFailedError, "no_usable_photos"),
        )
    ):
        with pytest.raises(error) as refused:
            await replace_photo(house, tmp_path / f"r{number}", index, data)
        assert refused.value.code == code and refused.value.suggestion
    assert await listed(house, "images", history=True) == before


async def test_history_is_not_written_again(house: House, tmp_path: Path) -> None:
    await house.upload(tmp_path / "a", {"a.jpg": noise_jpeg(1)})
    await replace_photo(house, tmp_path / "b", 0, noise_jpeg(2))
    for change in ("replaced_at = null", "generation = 7", "image_index = 5", "sha256 = repeat('0', 64)"):
        with pytest.raises(psycopg.errors.CheckViolation):
            await house.rows(
                f"update public.source_images set {change} where project_id = %s and generation = 0 returning 1",  # noqa: S608
                house.project["id"],
            )
    async with house.pool.connection() as conn:
        await projects.delete(conn, house.project["id"], house.project["owner_id"])
