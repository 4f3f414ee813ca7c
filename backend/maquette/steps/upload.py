"""The upload step: sort out what came, decode and judge each photo and frame, write what the next step reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.errors import BadInputError, MaquetteError
from maquette.recon import capture
from maquette.recon.archive import ArchiveLimits
from maquette.recon.background import open_remover
from maquette.recon.images import MAX_PIXELS
from maquette.steps.folder import Folder
from maquette.steps.intake import Entry, Intake, entries_of, sort_out
from maquette.steps.limits import StepLimits, read_limits, too_many_photos
from maquette.steps.parameters import UploadParameters
from maquette.steps.reading import Read, read_one
from maquette.steps.records import File, Image, Images, Reason, Warn
from maquette.steps.rig_input import take_rig
from maquette.steps.sink import Sink

if TYPE_CHECKING:
    from maquette.steps.frames import Frame

MIMES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "tiff": "image/tiff", "heic": "image/heic"}
UNBOUNDED = ArchiveLimits(files=10_000, file_bytes=2**33, total_bytes=2**36)
"""What may come out of archives where nobody set a limit: on the command line, where they are the user's own."""


COLMAP_NAMES = {
    f"{part}.{kind}".lower(): f"{part}.{kind}" for part in ("cameras", "images", "points3D") for kind in ("bin", "txt")
}


class RepeatedPosesError(BadInputError):
    """Two files of cameras have one name."""

    code = "poses_repeated"


class NoUsablePhotosError(BadInputError):
    """Every file of an upload was rejected."""

    code = "no_usable_photos"


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Read ``incoming/``, write ``images/``, keep one :class:`Images` record.

    A file that cannot be used gets a verdict of its own and does not stop the others. Raises ``no_usable_photos`` when
    none can be used, ``too_many_photos``, and what :mod:`maquette.steps.intake` and
    :mod:`maquette.steps.rig_input` raise.
    """
    folder, wanted = Folder(root), UploadParameters.model_validate(parameters)
    limits = read_limits(folder)
    entries = entries_of(folder.incoming, json.loads((root / "incoming.json").read_text()))
    intake = sort_out(entries, folder.incoming / "unpacked", _archive_limits(limits))
    if intake.passed_over:
        shown = ", ".join(f"'{name}'" for name in intake.passed_over[:5]) + (
            ", …" if len(intake.passed_over) > 5 else ""
        )
        sink.warn(
            Warn(code="files_passed_over", message=f"Nothing was made of {len(intake.passed_over)} files: {shown}.")
        )
    if intake.six_views:
        images = take_rig(folder, intake, limits, sink)
    else:
        images = _read_photos(folder, intake, wanted, limits, sink)
    usable = [image for image in images.images if image.verdict != "rejected"]
    if not usable and not images.poses:
        raise NoUsablePhotosError(
            "None of the files could be used: " + " ".join(r.message for i in images.images[:3] for r in i.reasons[:1]),
            suggestion=_first_advice(images.images),
            files=[{"filename": i.filename, "reasons": [r.model_dump() for r in i.reasons]} for i in images.images],
        )
    sink.keep(images)
    sink.progress("reading", 1.0)
    return {"images": len(images.images), "usable": len(usable)}


def _read_photos(folder: Folder, intake: Intake, wanted: UploadParameters, limits: StepLimits, sink: Sink) -> Images:
    """Photos as they came, then frames of videos, then what cannot be used: a verdict each, and one of them all."""
    _check_count(len(intake.photos), limits)
    most = limits.max_pixels or MAX_PIXELS
    share = 1.0 if not intake.videos else len(intake.photos) / (len(intake.photos) + 50 * len(intake.videos))
    reads: list[Read] = []
    remove = open_remover(folder.weights()) if wanted.remove_bg else None
    for number, entry in enumerate(intake.photos):
        sink.progress("reading", share * number / len(intake.photos), entry.filename)
        reads.append(read_one(folder, number, entry, intake.masks.get(number), wanted, most, remove))
    _tell_background(reads, sink)
    frames: list[Frame] = []
    refused: list[tuple[Entry, MaquetteError]] = []
    videos: list[dict[str, Any]] = []
    if intake.videos:
        # Imported here: FFmpeg would cost each upload of photos a good part of its time.
        from maquette.steps.frames import read_frames

        frames, refused, videos = read_frames(folder, intake.videos, len(reads), wanted, limits, sink, begin=share)
    _check_count(len(reads) + len(frames), limits)
    good = [read for read in (*reads, *(frame.read for frame in frames)) if read.measures is not None]
    verdicts = dict(zip(map(id, good), capture.judge([r.measures for r in good if r.measures]), strict=True))
    images = [_image(folder, index, read, verdicts.get(id(read))) for index, read in enumerate(reads)]
    for frame in frames:
        image = _image(folder, len(images), frame.read, verdicts[id(frame.read)])
        images.append(image.model_copy(update={"kind": "frame", "details": frame.details, "original": frame.video}))
    for entry, error in (*intake.refused, *refused):
        images.append(_refused(len(images), entry, error))
    return Images(
        images=tuple(images),
        poses=tuple(_poses(folder, entry) for entry in intake.poses),
        videos=tuple(videos),
    )


def _tell_background(reads: Sequence[Read], sink: Sink) -> None:
    """Backgrounds told apart by colour are a guess, and said to be one."""
    guessed = sum(read.removed is not None and read.removed.degraded for read in reads)
    if guessed:
        sink.warn(
            Warn(
                code="background_by_colour",
                message=f"No background model is installed: in {guessed} photos subject and background were told apart"
                " by colour.",
                suggestion="Install one: `maquette models pull isnet-general-use`. Or send masks beside the photos.",
                degraded=True,
            )
        )


def _image(folder: Folder, index: int, read: Read, verdict: capture.Verdict | None) -> Image:
    if verdict is None or read.original_size is None:
        return _refused(index, read.entry, read.error or MaquetteError("The file could not be read."), read.sha256)
    original, processed = folder.relative(read.entry.path), folder.images / f"{index:04d}.jpg"
    rejected = verdict.status == "rejected"
    if rejected:
        processed.unlink()
    reasons = [Reason(code=r.code, message=r.sentence, suggestion=r.action) for r in verdict.reasons]
    if read.error is not None:
        reasons.append(_reason(read.error))
    mask = read.mask if not rejected else None
    return Image(
        image_index=index,
        filename=read.entry.filename,
        verdict="warning" if read.error is not None and verdict.status == "ok" else verdict.status,
        reasons=tuple(reasons),
        sha256=read.sha256,
        width=verdict.measures.width,
        height=verdict.measures.height,
        original_width=read.original_size[0],
        original_height=read.original_size[1],
        sharpness=verdict.measures.sharpness,
        exposure=verdict.measures.brightness / 255,
        focal_px=read.focal_px,
        details={
            **({"orientation": read.orientation} if read.orientation != 1 else {}),
            **({"camera_model": read.camera_model} if read.camera_model else {}),
        },
        original=File(kind="original", path=original, mime=MIMES.get(read.format, "application/octet-stream")),
        processed=None
        if rejected
        else File(kind="processed", path=folder.relative(processed), mime="image/jpeg", made_from=(original,)),
        mask=None
        if mask is None
        else File(kind="mask", path=folder.relative(mask), mime="image/png", made_from=(original,)),
    )


def _refused(index: int, entry: Entry, error: MaquetteError, sha256: str = "") -> Image:
    return Image(
        image_index=index, filename=entry.filename, verdict="rejected", reasons=(_reason(error),), sha256=sha256
    )


def _reason(error: MaquetteError) -> Reason:
    return Reason(code=error.code, message=error.message, suggestion=error.suggestion)


def _poses(folder: Folder, entry: Entry) -> File:
    """The name says what the file is, so it lies under it from now on. Raises ``poses_repeated``."""
    home = folder.incoming / "poses"
    home.mkdir(exist_ok=True)
    # File systems take 255 bytes, and a letter may have four of them.
    short = entry.filename.encode(errors="replace")[-200:].decode(errors="ignore")
    named = home / COLMAP_NAMES.get(entry.filename.lower(), short)
    if named.exists():
        raise RepeatedPosesError(
            f"'{entry.filename}' came twice: only one set of cameras can be right.",
            suggestion="Send the cameras of one model only, such as the folder sparse/0.",
            file=entry.filename,
        )
    entry.path.rename(named)
    mime = "application/json" if named.suffix == ".json" else "application/octet-stream"
    return File(kind="poses", path=folder.relative(named), mime=mime)


def _check_count(count: int, limits: StepLimits) -> None:
    if limits.photos is not None and limits.photos_already + count > limits.photos:
        raise too_many_photos(limits.photos, limits.photos_already)


def _archive_limits(limits: StepLimits) -> ArchiveLimits:
    """Twice as many files as photos, for their masks, and some beside them."""
    files = UNBOUNDED.files if limits.photos is None else 2 * limits.photos + 50
    return replace(
        UNBOUNDED,
        files=files,
        file_bytes=limits.file_bytes or UNBOUNDED.file_bytes,
        total_bytes=limits.total_bytes or UNBOUNDED.total_bytes,
    )


def _first_advice(images: Sequence[Image]) -> str:
    return next((reason.suggestion for image in images for reason in image.reasons[:1]), "Send JPEG or PNG photos.")
