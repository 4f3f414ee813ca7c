"""Six views and their depth renders as they come in, and as the generate step finds them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image as Picture

from maquette.errors import BadInputError
from maquette.recon.atomic import replacing
from maquette.recon.digest import sha256_of
from maquette.recon.images import MAX_PIXELS, read_photo
from maquette.recon.rig.reading import by_side, read_rig
from maquette.recon.rig.sides import SIDES
from maquette.steps.folder import Folder
from maquette.steps.intake import Entry, Intake
from maquette.steps.limits import StepLimits
from maquette.steps.records import File, Image, Images
from maquette.steps.sink import Sink

VIEW, DEPTH_RENDER = "view", "depth_render"


class RigIncompleteError(BadInputError):
    """The project does not have six views and six depth renders."""

    code = "six_views_incomplete"


def take_rig(folder: Folder, intake: Intake, limits: StepLimits, sink: Sink) -> Images:
    """Check the twelve pictures, write them as ``images/0000.png`` to ``0011.png``, and record them by their sides.

    Raises what :func:`maquette.recon.rig.reading.read_rig` does: nothing of an incomplete set is kept.
    """
    sink.progress("reading", 0.0, "six views with depth")
    views, depths = ([(one.filename, one.path) for one in some] for some in (intake.views, intake.depth_renders))
    read_rig(views, depths)
    entries = {str(one.path): one for one in (*intake.views, *intake.depth_renders)}
    images: list[Image] = []
    for kind, files in ((VIEW, by_side(views, "views")), (DEPTH_RENDER, by_side(depths, "depth renders"))):
        for side in SIDES:
            entry = entries[str(files[side][1])]
            sink.progress("reading", (len(images) + 1) / (2 * len(SIDES)), entry.filename)
            images.append(_image(folder, len(images), entry, kind, str(side), limits.max_pixels or MAX_PIXELS))
    return Images(images=tuple(images))


def rig_files(folder: Folder, kind: str) -> Sequence[tuple[str, Path]]:
    """What the project has of a kind, each under the name of its side."""
    details = folder.details()
    return [(details[name]["side"], folder.images / name) for name, its in folder.kinds().items() if its == kind]


def _image(folder: Folder, index: int, entry: Entry, kind: str, side: str, most: int) -> Image:
    photo = read_photo(entry.path, name=entry.filename, original_resolution=True, max_pixels=most)
    target = folder.images / f"{index:04d}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == DEPTH_RENDER:
        # Its greys are measurements, of 8 or 16 bits: as they came.
        target.write_bytes(entry.path.read_bytes())
    else:
        picture = Picture.fromarray(photo.pixels)
        if photo.alpha is not None:
            picture.putalpha(Picture.fromarray(photo.alpha))
        with replacing(target) as file:
            picture.save(file, "PNG", compress_level=1)
    original = folder.relative(entry.path)
    return Image(
        image_index=index,
        filename=entry.filename,
        verdict="ok",
        sha256=sha256_of(entry.path),
        width=photo.width,
        height=photo.height,
        original_width=photo.original_width,
        original_height=photo.original_height,
        kind="view" if kind == VIEW else "depth_render",
        details={"side": side},
        original=File(kind="original", path=original, mime=f"image/{photo.format}"),
        processed=File(kind="processed", path=folder.relative(target), mime="image/png", made_from=(original,)),
    )
