"""What a rasteriser shows of a model: the outputs by name, in the usual layout, the same for every backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from jaxtyping import Bool, Float32
from numpy import ndarray

from maquette.errors import BadInputError

Output: TypeAlias = Literal["image", "alpha", "depth", "median_depth", "contribution", "visible"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
"""All that can be asked for: four pictures, and two numbers for each Gaussian."""
PICTURES: tuple[Output, ...] = ("image", "alpha", "depth", "median_depth")


class OutputNotAskedError(BadInputError):
    """A rendering does not hold what it was not asked for."""

    code = "output_not_asked"


@dataclass(frozen=True, eq=False)
class Rendering:
    """The outputs that were asked for; reading another raises :class:`OutputNotAskedError`."""

    outputs: Mapping[Output, ndarray]

    @property
    def image(self) -> Float32[ndarray, "h w 3"]:
        """Colour, sRGB 0 to 1, unclipped, over the background."""
        return self._asked("image")

    @property
    def alpha(self) -> Float32[ndarray, "h w"]:
        """Opacity of the model in each pixel, 0 to 1."""
        return self._asked("alpha")

    @property
    def depth(self) -> Float32[ndarray, "h w"]:
        """Expected distance along the viewing axis z, world units; 0 where there is nothing."""
        return self._asked("depth")

    @property
    def median_depth(self) -> Float32[ndarray, "h w"]:
        """Distance along z at which half of the light is taken, world units; 0 where less than half ever is."""
        return self._asked("median_depth")

    @property
    def contribution(self) -> Float32[ndarray, " n"]:
        """Pixels each Gaussian covers, counted by its blending weight: the sum of alpha times transmittance."""
        return self._asked("contribution")

    @property
    def visible(self) -> Bool[ndarray, " n"]:
        """Whether any pixel took the Gaussian."""
        return self._asked("visible")

    def _asked(self, name: Output) -> ndarray:
        if name not in self.outputs:
            raise OutputNotAskedError(
                f"This rendering has no {name}; it was asked for {', '.join(self.outputs)}.",
                suggestion=f"Add {name!r} to the outputs of rasterize().",
                output=name,
            )
        return self.outputs[name]
