"""Middlebury's ``*_par.txt`` (Seitz et al. 2006): one line an image, ``name k11 … k33 r11 … r33 t1 t2 t3``.

The projection is K [R t] with OpenCV's axes. Its pixels count from their centres (the image's origin is the middle of
its first pixel), ours from their corners: half a pixel is added.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maquette.recon.scenes.poses import BrownLens, KnownPoses, NamedPose, PosesUnreadableError, rigid

_NUMBERS = 21


def read_middlebury(file: Path) -> KnownPoses:
    """Read the cameras. The file states no sizes: its pixels are those of the photos before any reduction.

    Raises :class:`PosesUnreadableError`.
    """
    try:
        lines = [line.split() for line in file.read_text().splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise PosesUnreadableError(f"'{file.name}' is no text") from error
    if lines and len(lines[0]) == 1 and lines[0][0].isdigit():
        lines = lines[1:]
    if not lines:
        raise PosesUnreadableError(f"'{file.name}' names no image")
    poses = tuple(_pose(file.name, line) for line in lines)
    return KnownPoses("middlebury", poses, np.zeros((0, 3)), np.zeros((0, 3), np.uint8))


def _pose(file: str, words: list[str]) -> NamedPose:
    name = words[0]
    try:
        numbers = np.array([float(word) for word in words[1:]])
    except ValueError as error:
        raise PosesUnreadableError(f"a line of '{file}' holds words where numbers belong") from error
    if len(numbers) != _NUMBERS:
        raise PosesUnreadableError(f"the line of '{name}' in '{file}' has {len(numbers)} numbers, not {_NUMBERS}")
    intrinsics = numbers[:9].reshape(3, 3)
    try:
        pose = rigid(numbers[9:18].reshape(3, 3), numbers[18:])
    except ValueError as error:
        raise PosesUnreadableError(f"the pose of '{name}' {error}") from error
    if not np.isfinite(intrinsics).all() or min(intrinsics[0, 0], intrinsics[1, 1]) <= 0:
        raise PosesUnreadableError(f"'{name}' has no focal length")

    def lens_at(width: int, height: int) -> BrownLens:
        fx, fy = float(intrinsics[0, 0]), float(intrinsics[1, 1])
        return BrownLens(width, height, fx, fy, float(intrinsics[0, 2]) + 0.5, float(intrinsics[1, 2]) + 0.5)

    return NamedPose(name, pose, None, lens_at)
