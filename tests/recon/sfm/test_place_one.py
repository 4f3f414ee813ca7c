"""One photo among cameras that stay: kept where it was, found where it was taken, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from maquette.progress import CancelledError
from maquette.recon.cameras import Camera
from maquette.recon.scene import View
from maquette.recon.sfm import place_cameras
from maquette.recon.sfm.lenses import Lens, load_lenses, save_lenses
from maquette.recon.sfm.place_one import PhotoNotPlacedError, PlacedPhoto, place_one
from maquette.recon.synthetic import SyntheticCapture, make_capture, photograph

INDEX = 2
WIDTH, HEIGHT = 480, 360
RADIAL = 0.04


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("capture"), views=12, width=WIDTH, height=HEIGHT)


@pytest.fixture(scope="module")
def views(capture: SyntheticCapture) -> tuple[View, ...]:
    """Six neighbours with their true cameras, as structure-from-motion would ideally find them."""
    return tuple(
        View(path.name, camera, path) for path, camera in zip(capture.paths[:6], capture.cameras[:6], strict=True)
    )


def lens_of(camera: Camera, radial: float = 0.0) -> Lens:
    return Lens("SIMPLE_RADIAL", camera.width, camera.height, (camera.fx, camera.cx, camera.cy, radial))


def put(
    photo: Path, views: tuple[View, ...], work: Path, lens: Lens | None = None, *, no_lens: bool = False
) -> PlacedPhoto:
    before = views[INDEX]
    others = [view for view in views if view is not before]
    known = None if no_lens else lens or lens_of(before.camera)
    return place_one(photo, before, others, known, work, long_side=WIDTH)


def beside(camera: Camera) -> Camera:
    """A camera half an arm to the side and turned by three degrees."""
    angle = np.radians(3.0)
    turn = np.eye(4)
    turn[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    turn[:3, 3] = [0.4, -0.1, 0.05]
    return replace(camera, camera_from_world=turn @ camera.camera_from_world)


def degrees_between(a: Camera, b: Camera) -> float:
    turned = a.camera_from_world[:3, :3] @ b.camera_from_world[:3, :3].T
    return float(np.degrees(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1, 1))))


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def elsewhere(capture: SyntheticCapture, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Camera]:
    """The place photographed again from beside, and the true camera of that."""
    camera = beside(capture.cameras[INDEX])
    path = tmp_path_factory.mktemp("elsewhere") / "0002.jpg"
    Image.fromarray(photograph(capture.diorama, camera)).save(path, quality=94)
    return path, camera


def test_a_retouched_photo_keeps_its_camera(views: tuple[View, ...], tmp_path: Path) -> None:
    with Image.open(views[INDEX].image_path) as image:
        photo = ImageEnhance.Brightness(image).enhance(1.1)
    ImageDraw.Draw(photo).rectangle((180, 140, 290, 230), fill=(255, 0, 200))
    photo.save(tmp_path / "0002.jpg", quality=90)
    placed = put(tmp_path / "0002.jpg", views, tmp_path / "work")
    assert placed.how == "same_place" and placed.share > 0.6
    assert placed.camera.as_dict() == views[INDEX].camera.as_dict()
    # No distortion: the picture is the photo itself, colours and places.
    assert np.abs(read(placed.image_path) - read(tmp_path / "0002.jpg")).mean() < 3


def test_the_same_photo_in_another_size_keeps_its_camera(views: tuple[View, ...], tmp_path: Path) -> None:
    with Image.open(views[INDEX].image_path) as image:
        image.resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.LANCZOS).save(tmp_path / "0002.jpg", quality=94)
    placed = put(tmp_path / "0002.jpg", views, tmp_path / "work")
    assert placed.how == "same_place" and placed.camera.as_dict() == views[INDEX].camera.as_dict()
    assert read(placed.image_path).shape == (HEIGHT, WIDTH, 3)


def test_it_is_undistorted_by_the_lens_of_the_photo_before(views: tuple[View, ...], tmp_path: Path) -> None:
    """What a lens bent by hand, the same lens straightens: the picture matches the straight one."""
    camera = views[INDEX].camera
    straight = read(views[INDEX].image_path)
    rows, columns = np.indices((HEIGHT, WIDTH))
    bent = np.stack([(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy])
    ray = bent.copy()
    for _ in range(30):
        ray = bent / (1 + RADIAL * (ray**2).sum(0))
    x = np.clip(np.rint(ray[0] * camera.fx + camera.cx - 0.5), 0, WIDTH - 1).astype(int)
    y = np.clip(np.rint(ray[1] * camera.fy + camera.cy - 0.5), 0, HEIGHT - 1).astype(int)
    Image.fromarray(straight[y, x].astype(np.uint8)).save(tmp_path / "0002.jpg", quality=95, subsampling=0)
    placed = put(tmp_path / "0002.jpg", views, tmp_path / "work", lens_of(camera, RADIAL))
    assert placed.how == "same_place"
    middle = (slice(30, -30), slice(30, -30))
    straightened = np.abs(read(placed.image_path) - straight)[middle].mean()
    assert straightened < 0.7 * np.abs(read(tmp_path / "0002.jpg") - straight)[middle].mean()


def test_a_photo_from_elsewhere_is_found_there(
    views: tuple[View, ...], elsewhere: tuple[Path, Camera], tmp_path: Path
) -> None:
    path, truth = elsewhere
    placed = put(path, views, tmp_path / "work")
    assert placed.how == "registered" and placed.matched_photos >= 2
    far = np.linalg.norm(truth.centre - views[INDEX].camera.centre)
    assert np.linalg.norm(placed.camera.centre - truth.centre) < 0.05 * far
    assert degrees_between(placed.camera, truth) < 0.3
    assert (placed.camera.width, placed.camera.fx) == (WIDTH, views[INDEX].camera.fx)


def test_an_unknown_lens_is_found_with_the_place(
    views: tuple[View, ...], elsewhere: tuple[Path, Camera], tmp_path: Path
) -> None:
    path, truth = elsewhere
    placed = put(path, views, tmp_path / "work", no_lens=True)
    assert placed.how == "registered"
    assert placed.camera.fx == pytest.approx(truth.fx, rel=0.03)
    assert np.linalg.norm(placed.camera.centre - truth.centre) < 0.05 * np.linalg.norm(truth.centre)


def test_a_cropped_photo_is_refused_and_says_why(
    views: tuple[View, ...], elsewhere: tuple[Path, Camera], tmp_path: Path
) -> None:
    with Image.open(elsewhere[0]) as image:
        image.crop((0, 0, WIDTH * 5 // 8, HEIGHT)).save(tmp_path / "0002.jpg", quality=94)
    with pytest.raises(PhotoNotPlacedError) as refused:
        put(tmp_path / "0002.jpg", views, tmp_path / "work")
    assert "cropped" in refused.value.message and refused.value.details["matched"] >= 2


def test_a_photo_of_something_else_is_refused(views: tuple[View, ...], tmp_path: Path) -> None:
    cells = np.random.default_rng(3).integers(0, 255, (45, 60, 3), dtype=np.uint8)
    Image.fromarray(cells).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(tmp_path / "0002.jpg")
    with pytest.raises(PhotoNotPlacedError) as refused:
        put(tmp_path / "0002.jpg", views, tmp_path / "work")
    assert refused.value.code == "replaced_photo_not_placed" and refused.value.suggestion
    assert "shows nothing that another photo shows" in refused.value.message


def test_a_grey_photo_is_refused(views: tuple[View, ...], tmp_path: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT), (120, 120, 120)).save(tmp_path / "0002.jpg")
    with pytest.raises(PhotoNotPlacedError) as refused:
        put(tmp_path / "0002.jpg", views, tmp_path / "work")
    assert "distinctive spots" in refused.value.message


@pytest.mark.captures
def test_a_real_photo_is_found_where_all_photos_together_put_it(captures: Path, tmp_path: Path) -> None:
    """Kermit, through a real lens: each photo stands nearly two arms from the one whose place it takes here."""
    photos = captures / "kermit" / "images"
    found = place_cameras(photos, tmp_path / "all")
    by_name = {view.name: view for view in found.scene.views}
    truth, before = by_name["kermit005.jpg"], by_name["kermit004.jpg"]
    others = [view for view in found.scene.views if view not in (truth, before)]
    lens = load_lenses(tmp_path / "all" / "scene")[before.name]
    assert lens.params[3] < -0.05, "a lens that bends"
    placed = place_one(photos / truth.name, before, others, lens, tmp_path / "one", long_side=1600)
    assert placed.how == "registered"
    centres = np.stack([view.camera.centre for view in found.scene.views])
    extent = np.linalg.norm(centres - centres.mean(axis=0), axis=1).max()
    assert np.linalg.norm(placed.camera.centre - truth.camera.centre) < 0.01 * extent
    assert degrees_between(placed.camera, truth.camera) < 0.3


def test_a_cancel_ends_it(views: tuple[View, ...], elsewhere: tuple[Path, Camera], tmp_path: Path) -> None:
    def cancel(stage: str, fraction: float, message: str = "") -> None:
        raise CancelledError

    before = views[INDEX]
    with pytest.raises(CancelledError):
        place_one(
            elsewhere[0],
            before,
            views[:INDEX],
            lens_of(before.camera),
            tmp_path / "w",
            long_side=WIDTH,
            progress=cancel,
        )


def test_lenses_are_read_as_they_were_written(tmp_path: Path) -> None:
    lenses = {
        "a.jpg": Lens("SIMPLE_RADIAL", 4, 3, (1.5, 2.0, 1.5, -0.01)),
        "b.jpg": Lens("PINHOLE", 1, 1, (1.0, 1.0, 0.0, 0.0)),
    }
    assert load_lenses(tmp_path) == {}
    save_lenses(lenses, tmp_path)
    assert load_lenses(tmp_path) == lenses
