"""How an export stands: upright, at a scale, about an origin; found once for a file and told with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maquette.recon.formats import Format
from maquette.recon.frame import BadPlacingError, Similarity, Up, find_up, identity, place_out
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh import Mesh
from maquette.recon.scene import Scene
from maquette.steps.parameters import ExportParameters

AS_CAPTURED = "captured"


@dataclass(frozen=True, eq=False)
class Standing:
    """``out_from_world`` of a file, its ``up_axis`` in words, and how up was found (None: it was not looked for)."""

    out_from_world: Similarity
    up_axis: str
    unit: str
    up: Up | None

    @property
    def uncertain(self) -> bool:
        """Whether nothing said which way is up, though that was asked."""
        return self.up is not None and self.up.confidence == 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON: ``out_from_world`` row by row."""
        return {
            "up": None if self.up is None else self.up.as_dict(),
            "up_axis": self.up_axis,
            "unit": self.unit,
            "out_from_world": self.out_from_world.matrix.tolist(),
        }


def stand(
    target: Format[Any], wanted: ExportParameters, scene: Scene | None, model: Gaussians, about: Gaussians | Mesh
) -> Standing:
    """Where the file's content goes. Without a scene nothing says which way is up: it stays as it was captured.

    Up is found from the ``model``, so that it is the same in every format. ``about``: what ``origin`` is measured on.
    Raises ``bad_placing``.
    """
    if scene is None and wanted.up_axis not in ("auto", AS_CAPTURED):
        raise BadPlacingError(
            "The cameras of this version are gone, and nothing else says which way is up.",
            suggestion="Export with up_axis=captured, or another version.",
            field="up_axis",
        )
    unit = f"{wanted.scale:g} per unit of structure-from-motion, whose scale is arbitrary"
    if wanted.up_axis == AS_CAPTURED or scene is None:
        asked = wanted.up_axis == AS_CAPTURED
        why = "as asked" if asked else "the cameras that would say which way is up are gone"
        up = Up((0.0, -1.0, 0.0), "as_captured", 0.0, f"The file stands as captured: {why}.")
        # What the captured world calls up is its -y: a file with -y up is that world, moved and scaled at most.
        _, by = place_out(about, up, up_axis="-y", scale=wanted.scale, origin=wanted.origin)
        plain = wanted.scale == 1 and wanted.origin == "captured"
        return Standing(identity() if plain else by, AS_CAPTURED, unit, None if asked else up)
    up = find_up(scene, model)
    axis = target.up_axis if wanted.up_axis == "auto" else wanted.up_axis
    _, by = place_out(
        about, up, up_axis=axis, scale=wanted.scale, origin=wanted.origin, start_view=scene.views[0].camera
    )
    return Standing(by, axis, unit, up)
