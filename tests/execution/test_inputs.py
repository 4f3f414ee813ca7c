"""What else than photos comes in by the same upload: its rows, its objects, and what a run finds on any machine."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Picture
from tests.execution.house import House, noise_jpeg

from maquette.execution.fetch import fill_folder
from maquette.execution.uploads import StepFailedError
from maquette.steps.folder import Folder
from maquette.steps.intake import MixedInputsError

SIX = Path(__file__).parents[3] / "shared" / "captures" / "sixviews"


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def disc(width: int, height: int) -> bytes:
    """A mask: white within a disc."""
    y, x = np.mgrid[:height, :width]
    inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2
    out = io.BytesIO()
    Picture.fromarray(np.where(inside, np.uint8(255), np.uint8(0))).save(out, "PNG")
    return out.getvalue()


def walk(path: Path, frames: int = 24) -> bytes:
    """A video of a camera that moves sideways over a pattern."""
    pattern = np.random.default_rng(3).integers(0, 255, (30, 120, 3), dtype=np.uint8)
    wide = np.asarray(Picture.fromarray(pattern).resize((960, 240), Picture.Resampling.BICUBIC))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(frames):
            frame = np.ascontiguousarray(wide[:, number * 24 : number * 24 + 320])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


async def elsewhere(house: House, root: Path) -> Folder:
    """The folder of a generate on a machine that has nothing yet."""
    run = await house.started("generate")
    await fill_folder(house.pool, house.objects, run, root)
    return Folder(root)


async def test_a_zip_brings_photos_masks_and_cameras(house: House, tmp_path: Path) -> None:
    photos = {f"{n}.jpg": noise_jpeg(n) for n in range(3)}
    width, height = Picture.open(io.BytesIO(photos["0.jpg"])).size
    files = {**photos, "1.mask.png": disc(width, height), "transforms.json": b'{"frames": []}', "README.txt": b"x"}
    await house.upload(tmp_path / "upload", {"set.zip": packed({f"set/{k}": v for k, v in files.items()})})
    images = await house.rows(
        "select filename, kind, verdict, mask_artifact_id from public.source_images where project_id = %s"
        " order by image_index",
        house.project["id"],
    )
    assert [(image["filename"], image["kind"]) for image in images] == [(f"{n}.jpg", "photo") for n in range(3)]
    assert [image["mask_artifact_id"] is not None for image in images] == [False, True, False]
    (project,) = await house.rows("select capture from public.projects where id = %s", house.project["id"])
    assert project["capture"]["status"] in ("ok", "warning") and project["capture"]["reasons"]

    folder = await elsewhere(house, tmp_path / "elsewhere")
    assert [path.name for path in folder.masks.iterdir()] == ["0001.jpg.png"]
    assert (folder.poses / "transforms.json").read_bytes() == files["transforms.json"]
    pixels = np.asarray(Picture.open(folder.images / "0001.jpg"))
    assert pixels[:10].max() < 16, "what the mask leaves out is black"
    assert np.asarray(Picture.open(folder.images / "0000.jpg"))[:10].max() > 100


async def test_a_video_becomes_frames_of_one_original(house: House, tmp_path: Path) -> None:
    await house.upload(tmp_path / "upload", {"walk.mp4": walk(tmp_path / "walk.mp4")})
    frames = await house.rows(
        "select i.kind, i.details, i.filename, i.sha256, a.path, a.mime from public.source_images i"
        " join public.artifacts a on a.id = i.original_artifact_id where i.project_id = %s order by i.image_index",
        house.project["id"],
    )
    assert len(frames) >= 3 and {frame["kind"] for frame in frames} == {"frame"}
    assert {(frame["path"].rpartition(".")[2], frame["mime"]) for frame in frames} == {("mp4", "video/mp4")}
    assert len({frame["path"] for frame in frames}) == 1, "the video is stored once"
    times = [frame["details"]["time_s"] for frame in frames]
    assert times == sorted(set(times)) and frames[0]["details"]["video"] == "walk.mp4"
    assert len({frame["sha256"] for frame in frames}) == len(frames)
    folder = await elsewhere(house, tmp_path / "elsewhere")
    assert set(folder.kinds().values()) == {"frame"} and len(list(folder.images.iterdir())) == len(frames)


async def test_a_mask_of_another_shape_is_told_and_its_photo_is_used_whole(house: House, tmp_path: Path) -> None:
    await house.upload(
        tmp_path / "upload", {"a.jpg": noise_jpeg(1), "a.mask.png": disc(90, 300), "b.jpg": noise_jpeg(2)}
    )
    first, _ = await house.rows(
        "select verdict, reasons, mask_artifact_id from public.source_images where project_id = %s"
        " order by image_index",
        house.project["id"],
    )
    assert first["verdict"] == "warning" and first["mask_artifact_id"] is None
    assert "mask_does_not_fit" in [reason["code"] for reason in first["reasons"]]


async def test_backgrounds_told_apart_by_colour_are_said_to_be_a_guess(house: House, tmp_path: Path) -> None:
    picture = np.full((300, 400, 3), 230, np.uint8)
    picture[90:210, 130:270] = np.random.default_rng(0).integers(0, 120, (120, 140, 3), dtype=np.uint8)
    out = io.BytesIO()
    Picture.fromarray(picture).save(out, "PNG")
    run = await house.upload(tmp_path / "upload", {"a.png": out.getvalue()}, remove_bg=True)
    assert run["degraded"] and [warning["code"] for warning in run["warnings"]] == ["background_by_colour"]
    folder = await elsewhere(house, tmp_path / "elsewhere")
    mask = np.asarray(Picture.open(folder.masks / "0000.jpg.png"))
    assert mask[150, 200] == 255 and mask[10, 10] == 0


async def test_nothing_of_an_upload_that_is_too_much_stays(house: House, tmp_path: Path) -> None:
    house.settings = house.settings.model_copy(update={"max_photos": 3})
    many = packed({f"{n}.jpg": noise_jpeg(n) for n in range(4)})
    with pytest.raises(StepFailedError) as caught:
        await house.upload(tmp_path / "upload", {"many.zip": many})
    assert (caught.value.code, caught.value.status) == ("too_many_photos", 413)
    assert await house.rows("select 1 from public.source_images where project_id = %s", house.project["id"]) == []


@pytest.mark.skipif(not SIX.is_dir(), reason="the real six views are not here")
async def test_six_views_come_out_of_a_zip_by_their_sides(house: House, tmp_path: Path) -> None:
    rig = {f"job/{path.parent.name}/{path.name}": path.read_bytes() for path in sorted(SIX.glob("*/*.png"))}
    await house.upload(tmp_path / "upload", {"job.zip": packed(rig)})
    folder = await elsewhere(house, tmp_path / "elsewhere")
    assert sorted(folder.kinds().values()) == ["depth_render"] * 6 + ["view"] * 6
    for name, its in folder.details().items():
        kind = "depth_renders" if folder.kinds()[name] == "depth_render" else "multi_views"
        if kind == "depth_renders":
            assert (folder.images / name).read_bytes() == (SIX / kind / f"{its['side']}.png").read_bytes()
    with pytest.raises(MixedInputsError):
        await house.upload(tmp_path / "photos", {"a.jpg": noise_jpeg(1)})


async def test_two_models_of_cameras_are_not_mixed(house: House, tmp_path: Path) -> None:
    both = packed({f"sparse/{n}/{part}.txt": b"x" for n in range(2) for part in ("cameras", "images", "points3D")})
    with pytest.raises(StepFailedError) as caught:
        await house.upload(tmp_path / "upload", {"a.jpg": noise_jpeg(1), "sparse.zip": both})
    assert caught.value.code == "poses_repeated"


async def test_a_colmap_model_keeps_its_names_and_what_is_left_out_is_told(house: House, tmp_path: Path) -> None:
    model = packed(
        {"sparse/0/Cameras.txt": b"x", "sparse/0/images.txt": b"x", "sparse/0/points3D.txt": b"x", "a.doc": b"x"}
    )
    run = await house.upload(tmp_path / "upload", {"a.jpg": noise_jpeg(1), "sparse.zip": model})
    assert [warning["code"] for warning in run["warnings"]] == ["files_passed_over"]
    folder = await elsewhere(house, tmp_path / "elsewhere")
    assert sorted(path.name for path in folder.poses.iterdir()) == ["cameras.txt", "images.txt", "points3D.txt"]
