"""What the making of a mesh can be told: each setting with its meaning, unit and default in one place."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.errors import BadInputError


class BadMeshSettingsError(BadInputError):
    """A setting of the mesh is outside its bounds."""

    code = "bad_mesh_settings"


@dataclass(frozen=True)
class MeshSettings:
    """Settings of :func:`maquette.recon.mesh.making.make_mesh`."""

    triangles: int = 80_000
    """Most that the mesh may have at the end. At least 100."""
    long_side_px: int = 640
    """Long side that the model's depth is rendered at, 64 to 4096."""
    most_views: int = 100
    """Views that are fused at most; of more, some are chosen that lie far from each other. At least 2."""
    blocks: int = 3_000
    """Blocks of 16³ voxels that are allotted at most: this bounds how fine the voxels are, and with them time and
    memory. A block is 32 KiB, and the some 400 triangles that come of it ten times as much for a while. At least 64."""
    truncation_voxels: float = 4.0
    """How far from a surface a view says anything, in voxels, 2 to 7."""
    least_alpha: float = 0.6
    """Opacity of the model below which a pixel shows no surface, 0.5 to 1."""
    least_part: float = 0.02
    """Parts with a smaller share of the largest part's area are taken away as floaters, 0 to 1."""
    hole: float = 0.3
    """Holes are closed up to the area of a round one whose edge is so long, in diagonals of the mesh's box, 0 to 3."""

    def checked(self) -> MeshSettings:
        """Itself; raises :class:`BadMeshSettingsError` where a setting is out of its bounds."""
        bounds = {
            "triangles": (100, 5_000_000),
            "long_side_px": (64, 4096),
            "most_views": (2, 1000),
            "blocks": (64, 100_000),
            "truncation_voxels": (2, 7),
            "least_alpha": (0.5, 1),
            "least_part": (0, 1),
            "hole": (0, 3),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadMeshSettingsError(
                    f"{name} is {value}.", suggestion=f"Give a number from {low} to {high}.", field=name
                )
        return self


PRESETS = {
    "fastest": MeshSettings(triangles=30_000, long_side_px=480, most_views=60, blocks=1_500),
    "balanced": MeshSettings(),
    "quality": MeshSettings(triangles=150_000, long_side_px=800, most_views=150, blocks=5_000),
}
"""How fine the mesh of each preset is."""
