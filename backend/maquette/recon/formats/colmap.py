"""A COLMAP data set, zipped: ``sparse/0`` with cameras, images and points in COLMAP's binary form, and the photos.

The cameras are pinholes, and so the photos are the undistorted ones: without them nobody could use the cameras. So they
are always there. Masks lie in ``masks/NAME.png``, where COLMAP looks for them. Points have no tracks.
(COLMAP documentation, "Output Format"; the world is COLMAP's own, whose y axis mostly points down.)
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.spatial.transform import Rotation

from maquette.errors import MaquetteError
from maquette.recon.archive import ArchiveLimits
from maquette.recon.formats.camera_files import IMAGES_FOLDER, MASKS_FOLDER, photo_name, scene_of
from maquette.recon.formats.checking import check_scene, not_a_model, not_opened
from maquette.recon.formats.format import CHUNK_ROWS, Format
from maquette.recon.formats.words import one_line
from maquette.recon.formats.zipped import copy_in, entry, unpacked, writing_zip
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.errors import SceneImagesMissingError
from maquette.recon.scenes.pose_files import COLMAP_FILES, read_pose_files

_PINHOLE = 1
_NO_ERROR = -1.0
_POINT = np.dtype(
    [("id", "<u8"), ("place", "<f8", 3), ("color", "u1", 3), ("error", "<f8"), ("track", "<u8")], align=False
)
_LIMITS = ArchiveLimits(files=10_000, file_bytes=1 << 30, total_bytes=16 << 30)
_MODEL = "sparse/0"


def write(scene: Scene, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store cameras, points, photos and masks; ``provenance`` is in ``provenance.txt``.

    Raises :class:`SceneImagesMissingError` where a photo is not there.
    """
    check_scene(scene)
    missing = [view.name for view in scene.views if not view.image_path.is_file()]
    if missing:
        raise SceneImagesMissingError(path.name, missing, len(scene.views))
    lenses = list(dict.fromkeys(_lens(view) for view in scene.views))
    with writing_zip(path) as archive:
        words = "".join(f"{one_line(key)}: {one_line(value)}\n" for key, value in provenance.items())
        archive.writestr(entry("provenance.txt"), words)
        archive.writestr(entry(f"{_MODEL}/cameras.bin"), _cameras(lenses))
        archive.writestr(entry(f"{_MODEL}/images.bin"), _images(scene, lenses))
        with archive.open(entry(f"{_MODEL}/points3D.bin"), "w") as file:
            for piece in _points(scene):
                file.write(piece)
        for view in scene.views:
            copy_in(archive, view.image_path, f"{IMAGES_FOLDER}/{photo_name(view)}")
            if view.mask_path is not None:
                copy_in(archive, view.mask_path, f"{MASKS_FOLDER}/{photo_name(view)}.png")


def _lens(view: View) -> tuple[int, int, float, float, float, float]:
    camera = view.camera
    return camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy


def _cameras(lenses: list[tuple[int, int, float, float, float, float]]) -> bytes:
    """Views with the same lens share a camera, numbered from 1."""
    rows = [struct.pack("<IiQQ4d", number, _PINHOLE, *lens) for number, lens in enumerate(lenses, start=1)]
    return struct.pack("<Q", len(rows)) + b"".join(rows)


def _images(scene: Scene, lenses: list[tuple[int, int, float, float, float, float]]) -> bytes:
    """Quaternion wxyz and translation of ``camera_from_world``, the camera, the name; no observations."""
    rows = [struct.pack("<Q", len(scene.views))]
    for number, view in enumerate(scene.views, start=1):
        pose = view.camera.camera_from_world
        quaternion = Rotation.from_matrix(pose[:3, :3]).as_quat(canonical=True, scalar_first=True)
        rows.append(struct.pack("<I7dI", number, *quaternion, *pose[:3, 3], lenses.index(_lens(view)) + 1))
        rows.append(photo_name(view).encode() + b"\0" + struct.pack("<Q", 0))
    return b"".join(rows)


def _points(scene: Scene) -> Iterator[bytes]:
    yield struct.pack("<Q", len(scene.points))
    for start in range(0, len(scene.points), CHUNK_ROWS):
        places = scene.points[start : start + CHUNK_ROWS]
        rows = np.zeros(len(places), _POINT)
        rows["id"] = np.arange(start + 1, start + len(places) + 1)
        rows["place"], rows["error"] = places, _NO_ERROR
        rows["color"] = scene.colors[start : start + CHUNK_ROWS]
        yield rows.tobytes()


def read(path: Path) -> Scene:
    """Read the model of an archive from anywhere, binary or text, by COLMAP itself in a process of its own.

    The photos stay where they are: ``image_path`` is their place within the archive. Raises
    :class:`~maquette.recon.formats.errors.BadModelFileError`.
    """
    with unpacked(path, _LIMITS) as files, tempfile.TemporaryDirectory(prefix="maquette-") as folder:
        models = {PurePosixPath(name).parent for name in files if PurePosixPath(name).stem == "images"}
        if len(models) != 1:
            raise not_a_model(path.name, f"it holds {len(models)} COLMAP models where one is read")
        model = models.pop()
        given, work = Path(folder) / "given", Path(folder) / "work"
        given.mkdir()
        try:
            for name, file in files.items():
                label = PurePosixPath(name)
                if label.parent == model and label.stem in (*COLMAP_FILES, "rigs", "frames"):
                    shutil.move(file, given / label.name)
            return scene_of(read_pose_files(given, work), path.name)
        except MaquetteError as error:
            raise not_a_model(path.name, error.message.rstrip(".")) from error
        except OSError as error:
            raise not_opened(path.name, error) from error


FORMAT = Format(
    name="colmap",
    extension=".colmap.zip",
    mime="application/zip",
    description="Cameras, sparse points and undistorted photos as COLMAP has them, for other trainers.",
    write=write,
    read=read,
    holds_photos=True,
    kind="cameras",
    up_axis="-y",
    opens_in=("COLMAP", "nerfstudio", "Brush", "gsplat", "Postshot"),
)
