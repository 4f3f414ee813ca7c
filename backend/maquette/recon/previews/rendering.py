"""Pictures of a model for people: previews from around it, the same with its edges, a poster and a film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.progress import Progress, silent
from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.previews import write_picture
from maquette.recon.mesh import Mesh
from maquette.recon.mesh.raster_shading import shade
from maquette.recon.previews.errors import NothingToShowError
from maquette.recon.previews.film import encoder, write_film
from maquette.recon.previews.path import Kind, PreviewPath
from maquette.recon.rasterize import rasterize

Color: TypeAlias = tuple[int, int, int]
Picture: TypeAlias = Callable[[Camera], UInt8[ndarray, "h w 3"]]

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class BadPreviewError(BadInputError):
    """The numbers given make no pictures."""

    code = "bad_preview"


@dataclass(frozen=True)
class PreviewSettings:
    """``count`` previews of ``size`` px a side, a poster of ``poster_size``, a film of ``frames`` of ``film_size``.

    ``frames`` 0 leaves the film out. ``background`` sRGB; None: white behind meshes, black behind Gaussians, which
    were trained on it. ``backend`` renders Gaussians.
    """

    count: int = 8
    size: int = 512
    poster_size: int = 1024
    frames: int = 120
    film_size: int = 640
    fps: int = 24
    background: Color | None = None
    backend: str = "cpu"

    def __post_init__(self) -> None:
        sizes = (self.size, self.poster_size, self.film_size)
        if (
            not 1 <= self.count <= 360
            or not all(16 <= size <= 4096 and size % 2 == 0 for size in sizes)
            or not 0 <= self.frames <= 3600
            or not 1 <= self.fps <= 120
        ):
            raise BadPreviewError(
                "These numbers make no previews.",
                suggestion="Give 1 to 360 previews, even sizes of 16 to 4096 px, at most 3600 frames, 1 to 120 fps.",
            )


@dataclass(frozen=True)
class Previews:
    """The files written, and where they look from. ``wireframes`` are there for meshes, ``film`` where it was asked
    for; ``codec`` is the film's.
    """

    pictures: tuple[Path, ...]
    wireframes: tuple[Path, ...]
    poster: Path
    film: Path | None
    codec: str | None
    path: Kind
    sentence: str

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.pictures, *self.wireframes, self.poster, *([self.film] if self.film else []))


def render_previews(
    content: Mesh | Gaussians,
    path: PreviewPath,
    folder: Path,
    settings: PreviewSettings | None = None,
    progress: Progress = silent,
) -> Previews:
    """Write ``preview_0.png`` …, for a mesh ``wireframe_0.png`` … too, ``poster.jpg`` and ``turntable.mp4``.

    ``content`` stands in the world of ``path``. One picture is in memory at a time. Reports the stage ``previews``.
    Raises ``nothing_to_show``, or ``video_encoder_missing``.
    """
    settings = settings or PreviewSettings()
    if len(content.faces if isinstance(content, Mesh) else content) == 0:
        raise NothingToShowError
    take = _pictures_of(content, settings)
    edges = None if isinstance(content, Gaussians) else _edges_of(content, settings)
    cameras = path.preview_cameras(settings.count, settings.size)
    total = len(cameras) * (1 if edges is None else 2) + 1 + settings.frames
    done = 0

    def tell(what: str) -> None:
        nonlocal done
        progress("previews", done / total, what)
        done += 1

    def take_all(kind: str, taking: Picture) -> tuple[Path, ...]:
        files = tuple(folder / f"{kind}_{index}.png" for index in range(len(cameras)))
        for index, (camera, file) in enumerate(zip(cameras, files, strict=True)):
            tell(f"{kind} {index + 1} of {len(cameras)}")
            write_picture(taking(camera), file)
        return files

    pictures = take_all("preview", take)
    wireframes = () if edges is None else take_all("wireframe", edges)
    tell("poster")
    poster = folder / "poster.jpg"
    write_picture(take(path.poster_camera(settings.poster_size)), poster)

    def frames() -> Iterator[UInt8[ndarray, "h w 3"]]:
        for index, camera in enumerate(path.turntable_cameras(settings.frames, settings.film_size)):
            tell(f"frame {index + 1} of {settings.frames}")
            yield take(camera)

    film, using = None, None
    if settings.frames:
        using = encoder()
        film = write_film(frames(), folder / "turntable", fps=settings.fps, using=using)
    progress("previews", 1.0, f"{len(pictures) + len(wireframes)} pictures")
    codec = None if using is None else using.codec
    return Previews(pictures, wireframes, poster, film, codec, path.kind, path.sentence)


def _pictures_of(content: Mesh | Gaussians, settings: PreviewSettings) -> Picture:
    if isinstance(content, Mesh):
        mesh, behind = content, settings.background or WHITE
        return lambda camera: shade(mesh, camera, background=behind)
    gaussians = content
    red, green, blue = ((settings.background or BLACK)[channel] / 255 for channel in range(3))

    def take(camera: Camera) -> UInt8[ndarray, "h w 3"]:
        rendering = rasterize(
            gaussians, camera, background=(red, green, blue), backend=settings.backend, outputs={"image"}
        )
        return np.asarray(np.clip(np.rint(rendering.image * 255), 0, 255), dtype=np.uint8)

    return take


def _edges_of(mesh: Mesh, settings: PreviewSettings) -> Picture:
    behind = settings.background or WHITE
    return lambda camera: shade(mesh, camera, background=behind, wireframe=True)
