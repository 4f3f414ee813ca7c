"""What a caller says about a picture to be drawn: the query parameters, and the camera that they amount to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from maquette.db.rows import Row
from maquette.errors import BadInputError
from maquette.rendering.jobs import BESIDE_THE_PHOTO, AnyCamera, Format, FreeCamera, GivenCamera, Output, SourceCamera

FREE_WIDTH, FREE_HEIGHT = 960, 720
USUAL_FOV = 50.0


class CameraUnclearError(BadInputError):
    """The parameters name no camera, or more than one."""

    code = "camera_unclear"


class RenderTooLargeError(BadInputError):
    """The picture is larger than this server draws."""

    code = "render_too_large"


class PhotoNeededError(BadInputError):
    """An error can only be shown where there is a photo to compare with."""

    code = "photo_needed"


def _numbers(count: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            values = read_numbers(text)
        except ValueError:
            values = ()
        if len(values) != count or not all(map(math.isfinite, values)):
            raise ValueError(f"has to be {count} numbers with commas between them")
        return text

    return check


def read_numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between them."""
    return tuple(float(part) for part in text.split(","))


Three = Annotated[str, Field(max_length=200), AfterValidator(_numbers(3))]
Twelve = Annotated[str, Field(max_length=800), AfterValidator(_numbers(12))]
Pixels = Annotated[int, Field(ge=16, le=8192)]
Focal = Annotated[float, Field(ge=1, le=1e6, allow_inf_nan=False)]
Centre = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class Asked(BaseModel):
    """A picture: from a source view (`view`), from anywhere (`position`, `target`), or by a camera's own numbers."""

    model_config = ConfigDict(extra="forbid")

    view: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Source view: its name or `view_index`. Default: the first view of the evaluation set, where no"
        " other camera is given.",
        examples=["0"],
    )
    position: Three | None = Field(
        None, description="Free camera: where it stands, x,y,z in world units. Default: none.", examples=["0,-1,-4"]
    )
    target: Three | None = Field(
        None, description="Free camera: what is in the middle, x,y,z in world units. Default: none.", examples=["0,0,0"]
    )
    up: Three | None = Field(
        None, description="Free camera: which way is up in the picture. Default: 0,-1,0.", examples=["0,-1,0"]
    )
    fov: float | None = Field(
        None,
        ge=1,
        le=150,
        allow_inf_nan=False,
        description="Free camera: vertical field of view, degrees. Default: 50.",
        examples=[50],
    )
    camera_from_world: Twelve | None = Field(
        None,
        description="Camera by numbers: the rigid 3x4 matrix row by row, OpenCV axes (x right, y down, z forward), as"
        " `camera` of a view has it. Goes with fx, fy, width and height. Default: none.",
        examples=["1,0,0,0,0,1,0,0,0,0,1,4"],
    )
    fx: Focal | None = Field(None, description="Camera by numbers: focal length, px. Default: none.", examples=[800])
    fy: Focal | None = Field(None, description="Camera by numbers: focal length, px. Default: none.", examples=[800])
    cx: Centre | None = Field(
        None,
        description="Camera by numbers: principal point, px, pixel centres at +0.5. Default: half the width.",
        examples=[480],
    )
    cy: Centre | None = Field(
        None,
        description="Camera by numbers: principal point, px, pixel centres at +0.5. Default: half the height.",
        examples=[360],
    )
    width: Pixels | None = Field(
        None,
        description="px. Of a source view: the picture fits into width and height in the photo's own shape and is never"
        " larger than the photo; left out, it has the size that metrics are computed at. Default: 960 for a free"
        " camera. The server may set a lower limit: `render_too_large`.",
        examples=[960],
    )
    height: Pixels | None = Field(None, description="px, as `width`. Default: 720 for a free camera.", examples=[720])
    background: str = Field(
        "000000",
        pattern=r"^#?[0-9A-Fa-f]{6}$",
        description="What is behind the model, sRGB as RRGGBB. Metrics are computed on black.",
        examples=["ffffff"],
    )
    output: Output = Field(
        "image",
        description="`image`; `depth`, median, as PNG 16-bit in steps of the world units that the header names, else in"
        " colours; `alpha`, opacity; of source views also `error`, the difference from the photo in colours on a fixed"
        " scale, and `side_by_side`, photo, render and error.",
        examples=["image"],
    )
    format: Literal["png", "jpeg", "webp"] | None = Field(
        None, description="Default: jpeg for `image` and `side_by_side`, png for the others.", examples=["png"]
    )

    @property
    def picture_format(self) -> Format:
        """The format, settled."""
        return self.format or ("jpeg" if self.output in ("image", "side_by_side") else "png")

    @property
    def colour(self) -> tuple[float, float, float]:
        """The background, sRGB 0 to 1."""
        red, green, blue = bytes.fromhex(self.background.removeprefix("#"))
        return red / 255, green / 255, blue / 255

    def is_of_view(self) -> bool:
        """Whether a source view is meant. Raises ``camera_unclear`` or ``photo_needed``."""
        kinds: dict[str, dict[str, object]] = {
            "view": {"view": self.view},
            "free": {"position": self.position, "target": self.target, "up": self.up, "fov": self.fov},
            "numbers": {
                "camera_from_world": self.camera_from_world,
                "fx": self.fx,
                "fy": self.fy,
                "cx": self.cx,
                "cy": self.cy,
            },
        }
        given = {kind: [n for n, v in values.items() if v is not None] for kind, values in kinds.items()}
        meant = [kind for kind, names in given.items() if names]
        if len(meant) > 1:
            raise _unclear(f"{' and '.join(given[kind][0] for kind in meant)} belong to different cameras", given)
        if meant == ["free"] and (self.position is None or self.target is None):
            raise _unclear("a free camera needs position and target", given)
        if meant == ["numbers"] and None in (self.camera_from_world, self.fx, self.fy, self.width, self.height):
            raise _unclear("a camera by numbers needs camera_from_world, fx, fy, width and height", given)
        if self.output in BESIDE_THE_PHOTO and meant not in ([], ["view"]):
            raise PhotoNeededError(
                f"There is no photo from this camera, so there is no {self.output}.",
                suggestion="Name a source view with `view`.",
                output=self.output,
            )
        return meant in ([], ["view"])

    def free_camera(self, most: int) -> AnyCamera:
        """The camera that is no source view's; ``most`` px a side. Raises ``render_too_large``."""
        width, height = self.width or FREE_WIDTH, self.height or FREE_HEIGHT
        if self.width is None and self.height is None:
            # A server with a low limit still answers what was left to it.
            width, height = min(width, most), min(height, most)
        self._check_size(most)
        if self.position is not None and self.target is not None:
            return FreeCamera(
                position=read_numbers(self.position),
                target=read_numbers(self.target),
                up=read_numbers(self.up or "0,-1,0"),
                fov=self.fov or USUAL_FOV,
                width=width,
                height=height,
            )
        assert self.camera_from_world and self.fx and self.fy  # noqa: S101 - seen to by is_of_view
        return GivenCamera(
            camera_from_world=read_numbers(self.camera_from_world),
            fx=self.fx,
            fy=self.fy,
            cx=width / 2 if self.cx is None else self.cx,
            cy=height / 2 if self.cy is None else self.cy,
            width=width,
            height=height,
        )

    def source_camera(self, view: Row, measured_at: int | None, most: int) -> SourceCamera:
        """A view's camera; ``measured_at``: the long side of the evaluation set, px. Raises ``render_too_large``."""
        self._check_size(most)
        camera: dict[str, Any] = view["camera"]
        longest = max(camera["width"], camera["height"])
        if self.width is None and self.height is None:
            return SourceCamera(camera=camera, long_side=min(measured_at or longest, longest, most))
        scale = min(
            (self.width or most) / camera["width"], (self.height or most) / camera["height"], 1.0, most / longest
        )
        return SourceCamera(camera=camera, long_side=max(1, math.floor(longest * scale + 1e-9)))

    def _check_size(self, most: int) -> None:
        for field, value in (("width", self.width), ("height", self.height)):
            if value is not None and value > most:
                raise RenderTooLargeError(
                    f"This server draws pictures of at most {most} x {most} pixels.",
                    suggestion="Ask for a smaller one; whoever runs the server can raise MAQUETTE_RENDER_MAX_SIDE.",
                    field=field,
                    most=most,
                )


def _unclear(why: str, given: dict[str, list[str]]) -> CameraUnclearError:
    return CameraUnclearError(
        f"The camera is unclear: {why}.",
        suggestion="Give `view`; or `position` and `target`; or `camera_from_world`, `fx`, `fy`, `width` and `height`.",
        given=[name for names in given.values() for name in names],
    )
