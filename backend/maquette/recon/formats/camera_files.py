"""What the formats of cameras share: what photos are called, and how cameras that were read become a scene."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from maquette.recon.cameras import Camera
from maquette.recon.formats.checking import not_a_model
from maquette.recon.formats.zipped import inside
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.poses import KnownPoses

IMAGES_FOLDER, MASKS_FOLDER = "images", "masks"


def photo_name(view: View) -> str:
    """The photo as its owner called it, below the folder ``images``."""
    return inside(view.name)


def scene_of(known: KnownPoses, name: str) -> Scene:
    """The scene of a file of cameras, in name order. Photos are said to lie in ``images``, and are not looked for.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError` for lenses that are no pinholes.
    """
    views = []
    for pose in known.poses:
        if pose.size is None or min(pose.size) <= 0:
            raise not_a_model(name, f"it does not state the size of '{pose.name}'")
        lens = pose.lens_at(*pose.size)
        if any(lens.distortion):
            raise not_a_model(name, f"the lens of '{pose.name}' is distorted, and only pinholes are read")
        camera = Camera(lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy, pose.camera_from_world)
        photo = PurePosixPath(pose.name)
        if photo.parts[:1] == (IMAGES_FOLDER,) and len(photo.parts) > 1:
            photo = photo.relative_to(IMAGES_FOLDER)
        views.append(View(str(photo), camera, Path(IMAGES_FOLDER) / inside(str(photo))))
    return Scene(tuple(sorted(views, key=lambda view: view.name)), known.points, known.colors)
