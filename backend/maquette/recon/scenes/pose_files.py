"""The one door for poses files: find out which form they have, and read it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from maquette.progress import Progress, silent
from maquette.recon.scenes.errors import CameraModelUnsupportedError
from maquette.recon.scenes.middlebury import read_middlebury
from maquette.recon.scenes.poses import BrownLens, KnownPoses, NamedPose, PosesUnreadableError, rigid
from maquette.recon.scenes.transforms import read_transforms_poses
from maquette.recon.sfm.errors import SfmCrashedError
from maquette.recon.sfm.process import JobRefusedError, run_child

COLMAP_FILES = ("cameras", "images", "points3D")
_KINDS = ("bin", "txt")


def is_pose_file(filename: str) -> bool:
    """Whether a file sent with photos is one of cameras, by its name.

    These are those of COLMAP's model, any ``transforms*.json``, ``*_par.txt``, and ``.ply`` for the points that a
    transforms file may name.
    """
    name = Path(filename.replace("\\", "/")).name.lower()
    stem, _, suffix = name.rpartition(".")
    if suffix in _KINDS and (stem in [known.lower() for known in (*COLMAP_FILES, "rigs", "frames")]):
        return True
    return (
        (stem.startswith("transforms") and suffix == "json")
        or name.endswith("_par.txt")
        or (suffix == "ply" and stem != "")
    )


def read_pose_files(folder: Path, work_dir: Path, *, progress: Progress = silent) -> KnownPoses:
    """Read the cameras that lie in ``folder`` (no folders in it). ``work_dir`` is written to and emptied.

    Raises :class:`PosesUnreadableError`, :class:`CameraModelUnsupportedError` or the errors of reading transforms.
    """
    transforms = sorted(folder.glob("transforms*.json"))
    middlebury = sorted(folder.glob("*_par.txt"))
    kind = next(
        (kind for kind in _KINDS if all((folder / f"{part}.{kind}").is_file() for part in COLMAP_FILES[:2])), None
    )
    forms = [*(file.name for file in (*transforms, *middlebury)), *([f"images.{kind}"] if kind else [])]
    if len(forms) > 1:
        raise PosesUnreadableError(f"there are several ({', '.join(forms)}), and only one can be right")
    if transforms:
        return read_transforms_poses(transforms[0])
    if middlebury:
        return read_middlebury(middlebury[0])
    if kind is not None:
        return _read_colmap(folder, kind, work_dir, progress)
    lone = next((file.name for part in COLMAP_FILES for file in sorted(folder.glob(f"{part}.*"))), None)
    if lone:
        raise PosesUnreadableError(f"there is '{lone}', but a COLMAP model needs its cameras and its images file")
    raise PosesUnreadableError("there is no file of cameras")


def _read_colmap(folder: Path, kind: str, work_dir: Path, progress: Progress) -> KnownPoses:
    shutil.rmtree(work_dir, ignore_errors=True)
    model = work_dir / "model"
    model.mkdir(parents=True)
    for part in (*COLMAP_FILES, "rigs", "frames"):
        if (folder / f"{part}.{kind}").is_file():
            shutil.copyfile(folder / f"{part}.{kind}", model / f"{part}.{kind}")
    if not (model / f"points3D.{kind}").is_file():
        (model / f"points3D.{kind}").write_bytes(bytes(8) if kind == "bin" else b"")  # a count of 0; no lines
    try:
        answer = run_child("read_poses", {"model": str(model), "work": str(work_dir)}, work_dir, progress)
    except JobRefusedError as refusal:
        if refusal.code == "camera_model":
            raise CameraModelUnsupportedError("of the poses", str(refusal.details["model"])) from refusal
        raise PosesUnreadableError(str(refusal.details["why"])) from refusal
    except SfmCrashedError as crash:
        if "SIGKILL" in str(crash.details.get("how")):
            raise  # for want of memory, which may be others' doing
        # Native code that met what no sound model holds.
        raise PosesUnreadableError("the COLMAP model's files are damaged") from crash
    poses = []
    for entry in answer["poses"]:
        matrix = np.array(entry["camera_from_world"], np.float64)
        try:
            pose = rigid(matrix[:3, :3], matrix[:3, 3])
        except ValueError as error:
            raise PosesUnreadableError(f"the pose of '{entry['name']}' {error}") from error
        width, height = entry["size"]
        fx, fy, cx, cy = entry["pinhole"]
        lens = BrownLens(width, height, fx, fy, cx, cy, tuple(entry["distortion"]))
        poses.append(NamedPose(entry["name"], pose, (width, height), lens.scaled))
    if not poses:
        raise PosesUnreadableError("the COLMAP model places no image")
    with np.load(work_dir / "points.npz") as arrays:
        known = KnownPoses("colmap", tuple(poses), arrays["points"], arrays["colors"])
    shutil.rmtree(work_dir)
    return known
