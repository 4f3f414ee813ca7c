"""Incremental mapping and undistortion. Child process only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pycolmap
from numpy import ndarray

from maquette.recon.masks import mask_beside, read_mask, subject_weights, write_mask
from maquette.recon.sfm.database import Report


def map_incrementally(
    database: Path,
    image_dir: Path,
    models: Path,
    photos: int,
    seed: int,
    threads: int,
    report: Report,
    *,
    relaxed: bool = False,
) -> pycolmap.Reconstruction | None:
    """The reconstruction that places most photos (Schönberger and Frahm 2016), or None when none begins.

    ``relaxed`` accepts narrower angles, fewer inliers and points seen by two photos only.
    """
    options = pycolmap.IncrementalPipelineOptions()
    options.num_threads = threads
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = seed
    options.min_model_size = 3
    options.max_num_models = 5
    if relaxed:
        options.min_num_matches = 10
        options.mapper.init_min_num_inliers = 40
        options.mapper.init_min_tri_angle = 4.0
        options.mapper.abs_pose_min_num_inliers = 15
        options.mapper.abs_pose_min_inlier_ratio = 0.15
        options.mapper.filter_min_tri_angle = 1.0
        options.triangulation.min_angle = 1.0
        options.triangulation.ignore_two_view_tracks = False
    models.mkdir(parents=True, exist_ok=True)
    placed = 2

    def next_image() -> None:
        nonlocal placed
        placed = min(placed + 1, photos)
        report("mapping", min(placed / photos, 0.99), f"{placed} of {photos} photos")

    report("mapping", 0.0, "looking for the first pair")
    pycolmap.set_random_seed(seed)
    found = pycolmap.incremental_mapping(
        str(database), str(image_dir), str(models), options, next_image_callback=next_image
    )
    report("mapping", 1.0, "")
    return max(found.values(), key=lambda model: (model.num_reg_images(), model.num_points3D()), default=None)


def undistort(
    model: pycolmap.Reconstruction, image_dir: Path, folder: Path, long_side_px: int | None, threads: int
) -> pycolmap.Reconstruction:
    """Write pinhole photos to ``folder/images`` and return the model with pinhole cameras for them."""
    sparse = folder / "distorted"
    sparse.mkdir(parents=True, exist_ok=True)
    model.write(str(sparse))
    options = pycolmap.UndistortCameraOptions()
    if long_side_px is not None:
        options.max_image_size = long_side_px
    pycolmap.undistort_images(
        str(folder),
        str(sparse),
        str(image_dir),
        undistort_options=options,
        jpeg_quality=95,
        num_threads=threads,
    )
    return pycolmap.Reconstruction(str(folder / "sparse"))


def undistort_masks(
    model: pycolmap.Reconstruction, flat: pycolmap.Reconstruction, masks: Mapping[str, Path], folder: Path
) -> dict[str, Path]:
    """Write ``masks`` (of photos of ``model``, by their names) as the photos of ``flat`` need them, into ``folder``.

    COLMAP undistorts photos only, and keeps their format: a mask would be a JPEG. So each pixel of the flat camera is
    looked up in the distorted one; what lies outside it does not count. Raises ``bad_mask``.
    """
    bent = {image.name: image.camera for image in model.images.values()}
    straight = {image.name: image.camera for image in flat.images.values()}
    written = {}
    for name, file in masks.items():
        source, target = bent[name], straight[name]
        x, y = looked_up(source, target)
        mask = read_mask(file, name, source.width, source.height)
        written[name] = folder / f"{name}.png"
        write_mask(cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), written[name])
    return written


def write_view_masks(
    model: pycolmap.Reconstruction, flat: pycolmap.Reconstruction, image_dir: Path, folder: Path
) -> dict[str, str]:
    """Weights for the flat views whose photos have a mask beside them, by name; none where no photo has one."""
    masks = {
        image.name: mask
        for image in flat.images.values()
        if image.has_pose and (mask := mask_beside(image_dir, image.name)) is not None
    }
    if not masks:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    written = undistort_masks(model, flat, masks, folder)
    for name, path in written.items():
        drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if drawn is None:
            raise RuntimeError(f"the mask of {name} was not written")
        write_mask(subject_weights(np.asarray(drawn, np.uint8)), path)
    return {name: str(path) for name, path in written.items()}


def looked_up(source: pycolmap.Camera, target: pycolmap.Camera) -> tuple[ndarray, ndarray]:
    """Where each pixel of ``target`` lies in ``source``, px as OpenCV counts them: x and y, (h, w) float32 each.

    Both cameras stand at the same place; what ``source`` cannot see is far outside of it.
    """
    rows, columns = np.indices((target.height, target.width)).reshape(2, -1) + 0.5
    rays = target.cam_from_img(np.stack([columns, rows], axis=1))
    places = source.img_from_cam(np.column_stack([rays, np.ones(len(rays))])) - 0.5  # OpenCV: from pixel centres
    x, y = np.nan_to_num(places, nan=-1e6).astype(np.float32).T.reshape(2, target.height, target.width)
    return x, y


def write_arrays(model: pycolmap.Reconstruction, order: list[str], path: Path) -> list[dict[str, object]]:
    """Write points, colours and observations to an npz and return one camera per placed photo, in ``order``.

    Arrays: ``points`` (n, 3) world; ``colors`` (n, 3) sRGB; ``view`` and ``point`` (m,) indices; ``xy`` (m, 2) px.
    """
    images = {image.name: image for image in model.images.values() if image.has_pose}
    placed = [name for name in order if name in images]
    ids = sorted(model.point3D_ids())
    row = {point_id: index for index, point_id in enumerate(ids)}
    cameras: list[dict[str, object]] = []
    views, points, places = [], [], []
    for index, name in enumerate(placed):
        image = images[name]
        camera = image.camera
        pose = np.eye(4)
        pose[:3] = image.cam_from_world().matrix()
        intrinsics = camera.calibration_matrix()
        cameras.append(
            {
                "name": name,
                "camera": {
                    "width": camera.width,
                    "height": camera.height,
                    "fx": float(intrinsics[0, 0]),
                    "fy": float(intrinsics[1, 1]),
                    "cx": float(intrinsics[0, 2]),
                    "cy": float(intrinsics[1, 2]),
                    "camera_from_world": pose.tolist(),
                },
            }
        )
        for seen in image.get_observation_points2D():
            views.append(index)
            points.append(row[seen.point3D_id])
            places.append(seen.xy)
    found = [model.points3D[point_id] for point_id in ids]
    np.savez_compressed(
        path,
        points=np.array([point.xyz for point in found], np.float64).reshape(-1, 3),
        colors=np.array([point.color for point in found], np.uint8).reshape(-1, 3),
        view=np.array(views, np.int32),
        point=np.array(points, np.int32),
        xy=np.array(places, np.float32).reshape(-1, 2),
    )
    return cameras
