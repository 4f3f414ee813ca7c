"""A scene as COLMAP writes it in words: ``cameras.txt``, ``images.txt`` and ``points3D.txt`` (documentation, "Output
Format"). Cameras are pinholes, in the scene's own world; points have no tracks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scipy.spatial.transform import Rotation

from maquette.recon.cameras import Camera
from maquette.recon.scene import Scene


def write_colmap_text(scene: Scene, names: Sequence[str], folder: Path) -> None:
    """Write the three files; ``names`` are those of the photos, one a view, without spaces."""
    lenses = list(dict.fromkeys(_lens(view.camera) for view in scene.views))
    cameras = [f"{number} PINHOLE {lens}\n" for number, lens in enumerate(lenses, start=1)]
    images = []
    for number, (view, name) in enumerate(zip(scene.views, names, strict=True), start=1):
        pose = view.camera.camera_from_world
        quaternion = Rotation.from_matrix(pose[:3, :3]).as_quat(canonical=True, scalar_first=True)
        numbers = " ".join(f"{value:.17g}" for value in (*quaternion, *pose[:3, 3]))
        # The second line of an image is its observations: there are none.
        images.append(f"{number} {numbers} {lenses.index(_lens(view.camera)) + 1} {name}\n\n")
    points = [
        f"{number} {x:.17g} {y:.17g} {z:.17g} {red} {green} {blue} -1\n"
        for number, ((x, y, z), (red, green, blue)) in enumerate(
            zip(scene.points.tolist(), scene.colors.tolist(), strict=True), start=1
        )
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for file, what, lines in (
        ("cameras.txt", "CAMERA_ID MODEL WIDTH HEIGHT FX FY CX CY", cameras),
        ("images.txt", "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then the observations", images),
        ("points3D.txt", "POINT3D_ID X Y Z R G B ERROR TRACK[]", points),
    ):
        (folder / file).write_text(f"# {what}\n{''.join(lines)}")


def _lens(camera: Camera) -> str:
    numbers = " ".join(f"{value:.17g}" for value in (camera.fx, camera.fy, camera.cx, camera.cy))
    return f"{camera.width} {camera.height} {numbers}"
