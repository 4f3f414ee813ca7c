"""The upload step: decode the photos that came in, judge each, write what the next step reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.errors import BadInputError, MaquetteError
from maquette.recon import capture
from maquette.recon.images import MAX_PIXELS, read_photo, write_photo
from maquette.steps.folder import Folder
from maquette.steps.limits import read_limits
from maquette.steps.parameters import UploadParameters
from maquette.steps.records import File, Image, Images, Reason
from maquette.steps.sink import Sink

MIMES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "tiff": "image/tiff", "heic": "image/heic"}


class BackgroundRemovalUnavailableError(BadInputError):
    """Asked to remove backgrounds, and nothing here can."""

    code = "background_removal_unavailable"


class NoUsablePhotosError(BadInputError):
    """Every file of an upload was rejected."""

    code = "no_usable_photos"


@dataclass(frozen=True)
class _Read:
    """One incoming file: a measured photo, or the error it gave."""

    file: Path
    filename: str
    sha256: str
    measures: capture.Measures | None = None
    original_size: tuple[int, int] | None = None
    focal_px: float | None = None
    format: str = ""
    error: MaquetteError | None = None


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Read ``incoming/``, write ``images/``, keep one :class:`Images` record.

    A file that cannot be used gets a verdict of its own and does not stop the others. Raises
    ``no_usable_photos`` when none can be used.
    """
    folder, wanted = Folder(root), UploadParameters.model_validate(parameters)
    if wanted.remove_bg:
        raise BackgroundRemovalUnavailableError(
            "Backgrounds cannot be removed: no background model is installed.",
            suggestion="Leave `remove_bg` out, or send photos whose background is already removed.",
        )
    entries = json.loads((root / "incoming.json").read_text())
    max_pixels = read_limits(folder).max_pixels or MAX_PIXELS
    reads = []
    for number, entry in enumerate(entries):
        sink.progress("reading", number / len(entries), str(entry["filename"]))
        reads.append(_read(folder, number, entry, wanted, max_pixels))
    images = _judge(folder, reads)
    usable = [image for image in images if image.verdict != "rejected"]
    if not usable:
        raise NoUsablePhotosError(
            "None of the files could be used: " + " ".join(r.message for i in images[:3] for r in i.reasons[:1]),
            suggestion=images[0].reasons[0].suggestion if images and images[0].reasons else "Send JPEG or PNG photos.",
            files=[{"filename": i.filename, "reasons": [r.model_dump() for r in i.reasons]} for i in images],
        )
    sink.keep(Images(images=tuple(images)))
    sink.progress("reading", 1.0)
    return {"images": len(images), "usable": len(usable)}


def _read(folder: Folder, number: int, entry: Mapping[str, str], wanted: UploadParameters, max_pixels: int) -> _Read:
    """Decode, measure and write one file; its pixels are not kept in memory."""
    source, filename = folder.incoming / entry["file"], str(entry["filename"])
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        photo = read_photo(source, name=filename, original_resolution=wanted.original_resolution, max_pixels=max_pixels)
    except MaquetteError as error:
        return _Read(source, filename, sha256, error=error)
    folder.images.mkdir(parents=True, exist_ok=True)
    write_photo(photo, folder.images / f"{number:04d}.jpg")
    return _Read(
        source,
        filename,
        sha256,
        measures=capture.measure(photo),
        original_size=(photo.original_width, photo.original_height),
        focal_px=photo.focal_px,
        format=photo.format,
    )


def _judge(folder: Folder, reads: Sequence[_Read]) -> list[Image]:
    """A verdict for each file, in the order they came."""
    good = [(index, read) for index, read in enumerate(reads) if read.measures is not None]
    verdicts = capture.judge([read.measures for _, read in good if read.measures is not None])
    by_index = dict(zip((index for index, _ in good), verdicts, strict=True))
    return [_image(folder, index, read, by_index.get(index)) for index, read in enumerate(reads)]


def _image(folder: Folder, index: int, read: _Read, verdict: capture.Verdict | None) -> Image:
    original = folder.relative(read.file)
    if verdict is None or read.original_size is None:
        error = read.error or MaquetteError("The file could not be read.")
        reason = Reason(code=error.code, message=error.message, suggestion=error.suggestion)
        return Image(
            image_index=index, filename=read.filename, verdict="rejected", reasons=(reason,), sha256=read.sha256
        )
    processed = folder.images / f"{index:04d}.jpg"
    rejected = verdict.status == "rejected"
    if rejected:
        processed.unlink()
    return Image(
        image_index=index,
        filename=read.filename,
        verdict=verdict.status,
        reasons=tuple(Reason(code=r.code, message=r.sentence, suggestion=r.action) for r in verdict.reasons),
        sha256=read.sha256,
        width=verdict.measures.width,
        height=verdict.measures.height,
        original_width=read.original_size[0],
        original_height=read.original_size[1],
        sharpness=verdict.measures.sharpness,
        exposure=verdict.measures.brightness / 255,
        focal_px=read.focal_px,
        original=File(kind="original", path=original, mime=MIMES.get(read.format, "application/octet-stream")),
        processed=None
        if rejected
        else File(kind="processed", path=folder.relative(processed), mime="image/jpeg", made_from=(original,)),
    )
