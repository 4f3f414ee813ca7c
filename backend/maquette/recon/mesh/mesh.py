"""A triangle mesh as the export formats take it: the one type between fusion, texturing and files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class Texture:
    """What is painted on a mesh. Row 0 of each image is its top, where the texture coordinate v is 1."""

    color: UInt8[ndarray, "h w 3"]
    """sRGB."""
    normal_map: UInt8[ndarray, "h w 3"] | None = None
    """Tangent space, +y up (as OpenGL and glTF have it): 128, 128, 255 is the surface itself."""
    observed_share: float = 1.0
    """Share of the texels on triangles that some photo shows; the others were filled in."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in world units. Seen from outside, the corners of a face run counter-clockwise (right-handed frame).

    Where the texture has a seam a vertex stands twice, with other ``uvs``.
    """

    vertices: Float32[ndarray, "v 3"]
    faces: Int32[ndarray, "f 3"]
    normals: Float32[ndarray, "v 3"] | None = None
    """Unit length, outwards."""
    colors: UInt8[ndarray, "v 3"] | None = None
    """sRGB; what shows where there is no texture."""
    uvs: Float32[ndarray, "v 2"] | None = None
    """Texture coordinates in [0, 1], origin at the lower left corner of the image (as OBJ and USD have it)."""
    texture: Texture | None = None

    @property
    def bounds(self) -> tuple[Float32[ndarray, 3], Float32[ndarray, 3]]:
        """Lower and upper corner of the box around all vertices, world units."""
        return np.min(self.vertices, axis=0), np.max(self.vertices, axis=0)
