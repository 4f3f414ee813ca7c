"""The job that reads the cameras of a COLMAP model whose photos are elsewhere. Child process only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from maquette.recon.sfm.child import RefusedError
from maquette.recon.sfm.database import Report

_BROWN = {
    # COLMAP's model: where fx, fy, cx, cy stand among its parameters, and where k1 k2 p1 p2 k3 k4 k5 k6 do
    "SIMPLE_PINHOLE": ((0, 0, 1, 2), ()),
    "PINHOLE": ((0, 1, 2, 3), ()),
    "SIMPLE_RADIAL": ((0, 0, 1, 2), (3,)),
    "RADIAL": ((0, 0, 1, 2), (3, 4)),
    "OPENCV": ((0, 1, 2, 3), (4, 5, 6, 7)),
    "FULL_OPENCV": ((0, 1, 2, 3), (4, 5, 6, 7, 8, 9, 10, 11)),
}


def read_poses(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Request: ``model`` folder, ``work``. Answers ``poses`` (name, size, pinhole, distortion, camera_from_world) in
    name order and writes ``points.npz`` under ``work``. Refuses with ``unreadable`` or ``camera_model``.
    """
    try:
        model = pycolmap.Reconstruction(str(request["model"]))
    except (RuntimeError, ValueError, IndexError) as error:
        raise RefusedError("unreadable", why="the model's files are damaged") from error
    poses = []
    for image in sorted(model.images.values(), key=lambda image: image.name):
        if not image.has_pose:
            continue
        camera = image.camera
        if camera.model.name not in _BROWN:
            raise RefusedError("camera_model", model=camera.model.name)
        straight, bent = _BROWN[camera.model.name]
        distortion = [0.0] * 8
        for place, parameter in enumerate(bent):
            distortion[place] = float(camera.params[parameter])
        poses.append(
            {
                "name": image.name,
                "size": [camera.width, camera.height],
                "pinhole": [float(camera.params[parameter]) for parameter in straight],
                "distortion": distortion,
                "camera_from_world": image.cam_from_world().matrix().tolist(),
            }
        )
    points = [model.points3D[point_id] for point_id in sorted(model.point3D_ids())]
    work = Path(request["work"])
    work.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        work / "points.npz",
        points=np.array([point.xyz for point in points], np.float64).reshape(-1, 3),
        colors=np.array([point.color for point in points], np.uint8).reshape(-1, 3),
    )
    report("reading", 1.0, f"{len(poses)} cameras")
    return {"poses": poses}
