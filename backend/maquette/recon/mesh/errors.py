"""Why there is no mesh."""

from __future__ import annotations

from maquette.errors import BadInputError


class NoSurfaceError(BadInputError):
    """Nothing in the model is dense enough, and seen alike from enough views, to be a surface."""

    code = "no_surface"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The model shows no surface: {why}.",
            suggestion="Refine the model further, or take more photos of the subject from all sides; "
            "formats of Gaussians can be exported all the same.",
            why=why,
        )


class TooFewMeshViewsError(BadInputError):
    """A surface needs to be seen from two sides at least."""

    code = "mesh_needs_views"

    def __init__(self, found: int) -> None:
        super().__init__(
            f"The scene has {found} usable camera{'' if found == 1 else 's'}, a mesh needs at least 2.",
            suggestion="Give at least two photos from different places; 20 or more are better.",
            found=found,
            needed=2,
        )
