"""Cameras as nerfstudio and instant-ngp read them: ``transforms.json`` (nerfstudio, "Data conventions").

Camera axes are OpenGL's (y up, looking along -z), ``transform_matrix`` is world-from-camera, the world's z axis points
up. Photos are named as the COLMAP data set of the same project lays them out: both can be unpacked into one folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import MaquetteError
from maquette.recon.atomic import replacing
from maquette.recon.cameras import Camera
from maquette.recon.formats.camera_files import IMAGES_FOLDER, photo_name, scene_of
from maquette.recon.formats.checking import check_scene, not_a_model, not_opened
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.format import Format
from maquette.recon.scene import Scene
from maquette.recon.scenes.transforms import OPENCV_FROM_OPENGL, read_transforms_poses

_MOST_BYTES = 64 << 20
_BOX = 16
"""instant-ngp draws what lies in a box of so many units around the origin; one would cut most captures."""


def write(scene: Scene, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the cameras; points and photos have no place here. ``provenance`` is under the key ``maquette``.

    ``applied_transform`` is what was done to the cameras that were given: nothing.
    """
    check_scene(scene)
    lenses = [_lens(view.camera) for view in scene.views]
    shared = lenses[0] if all(lens == lenses[0] for lens in lenses) else {}
    frames = [
        {
            "file_path": f"{IMAGES_FOLDER}/{photo_name(view)}",
            **({} if shared else lens),
            "transform_matrix": (view.camera.world_from_camera @ OPENCV_FROM_OPENGL).tolist(),
        }
        for view, lens in zip(scene.views, lenses, strict=True)
    ]
    data = {
        "maquette": dict(provenance),
        "camera_model": "OPENCV",
        **shared,
        "aabb_scale": _BOX,
        "applied_transform": np.eye(4)[:3].tolist(),
        "frames": frames,
    }
    with replacing(path) as file:
        file.write(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False).encode())


def _lens(camera: Camera) -> dict[str, Any]:
    """A pinhole, in pixels; both programs count pixel centres at +0.5, too."""
    return {
        "w": camera.width,
        "h": camera.height,
        "fl_x": camera.fx,
        "fl_y": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        **dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0),
    }


def read(path: Path) -> Scene:
    """Read the cameras of a file from anywhere, as far as they are pinholes; photos and points are not looked for.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError`.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise not_a_model(path.name, f"it is larger than {_MOST_BYTES >> 20} MB")
        return scene_of(read_transforms_poses(path, with_points=False), path.name)
    except BadModelFileError:
        raise
    except MaquetteError as error:
        raise not_a_model(path.name, error.message.rstrip(".")) from error
    except RecursionError as error:
        raise not_a_model(path.name, "its brackets are nested too deeply") from error
    except OSError as error:
        raise not_opened(path.name, error) from error


FORMAT = Format(
    name="transforms.json",
    extension=".transforms.json",
    mime="application/json",
    description="Cameras for nerfstudio and instant-ngp; the photos come with the COLMAP export.",
    write=write,
    read=read,
    kind="cameras",
    up_axis="z",
    opens_in=("nerfstudio", "instant-ngp"),
)
