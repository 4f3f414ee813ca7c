"""Frames of uploaded videos as photos of the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as Picture

from maquette.errors import MaquetteError
from maquette.recon import capture
from maquette.recon.digest import sha256_of
from maquette.recon.images import MAX_PIXELS, Photo
from maquette.recon.images.photo import LONG_SIDE_PX
from maquette.recon.images.sniff import HEADER_BYTES, sniff_video
from maquette.recon.video import choose_keyframes
from maquette.steps.folder import Folder
from maquette.steps.intake import Entry
from maquette.steps.limits import StepLimits
from maquette.steps.parameters import Preset, UploadParameters
from maquette.steps.reading import Read
from maquette.steps.records import File, Warn
from maquette.steps.sink import Sink

MIMES = {"mp4": "video/mp4", "mov": "video/quicktime", "matroska": "video/x-matroska", "avi": "video/x-msvideo"}

FRAMES: dict[Preset, int] = {"fastest": 24, "balanced": 40, "quality": 80}
"""Taken out of each video where no number is asked for. Measured on one short walk around a fox's head, PSNR of
held-out frames: 29.28 dB of 16, 31.00 dB of 24, 31.10 dB of 32. So 24 for a first look; the rest is room for longer
ways, which nobody has measured yet. A handful is too
few to place: a point counts by the frames that see it, at least three."""


@dataclass(frozen=True)
class Frame:
    """A keyframe, read as a photo is; ``video`` is the original that it came out of."""

    read: Read
    video: File
    details: dict[str, Any]


def read_frames(
    folder: Folder,
    videos: Sequence[Entry],
    first: int,
    wanted: UploadParameters,
    limits: StepLimits,
    sink: Sink,
    *,
    begin: float,
) -> tuple[list[Frame], list[tuple[Entry, MaquetteError]], list[dict[str, Any]]]:
    """Choose frames of each video, write them as photos from number ``first`` on, and read them.

    Answers the frames in order of time, the videos that cannot be used with their errors, and what is to be said of
    each video as a whole. ``begin``: the share of the reading that is done already.
    """
    frames: list[Frame] = []
    refused: list[tuple[Entry, MaquetteError]] = []
    told: list[dict[str, Any]] = []
    share = (1 - begin) / max(len(videos), 1)
    count, because = frames_wanted(wanted, _room(limits, first, len(videos)))
    for number, entry in enumerate(videos):

        def progress(
            stage: str, fraction: float, message: str = "", number: int = number, entry: Entry = entry
        ) -> None:
            part = 0.8 * fraction if stage == "measuring" else 0.8 + 0.2 * fraction
            sink.progress("reading", begin + share * (number + part), f"{entry.filename}: {message or stage}")

        scratch = folder.root / "frames"
        try:
            found = choose_keyframes(
                entry.path,
                scratch,
                count,
                name=entry.filename,
                max_pixels=limits.max_pixels or MAX_PIXELS,
                long_side_px=None if wanted.original_resolution else LONG_SIDE_PX,
                progress=progress,
            )
        except MaquetteError as error:
            refused.append((entry, error))
            continue
        for reason in found.reasons:
            sink.warn(Warn(code=reason.code, message=reason.sentence, suggestion=reason.action))
        described = found.as_dict()
        kept = ("name", "status", "frames", "duration_s", "wanted", "reasons", "notes")
        told.append(
            {
                **{key: described[key] for key in kept},
                "wanted_because": because,
                "chosen": len(found.keyframes),
            }
        )
        video = File(kind="original", path=folder.relative(entry.path), mime=_mime(entry))
        for keyframe in found.keyframes:
            frames.append(
                Frame(
                    _taken(
                        folder,
                        entry,
                        scratch / keyframe.file,
                        first + len(frames),
                        found.facts.width,
                        found.facts.height,
                    ),
                    video,
                    {"video": entry.filename, "time_s": keyframe.time_s, "shift": keyframe.shift},
                )
            )
    return frames, refused, told


def frames_wanted(wanted: UploadParameters, room: int | None = None) -> tuple[int, str]:
    """How many frames to take out of each video, and why so many; by default not more than there is ``room`` for."""
    if wanted.frames is not None:
        return wanted.frames, "asked for"
    count, because = FRAMES[wanted.preset or "balanced"], f"preset {wanted.preset}" if wanted.preset else "default"
    if room is not None and room < count:
        return max(room, 1), "as many as the project still takes"
    return count, because


def _room(limits: StepLimits, photos: int, videos: int) -> int | None:
    """Frames that each video may bring beside the photos, where their number has a limit."""
    if limits.photos is None or not videos:
        return None
    return (limits.photos - limits.photos_already - photos) // videos


def _taken(folder: Folder, entry: Entry, file: Any, number: int, width: int, height: int) -> Read:
    """A written frame in the place of a photo, measured as photos are."""
    target = folder.images / f"{number:04d}.jpg"
    folder.images.mkdir(parents=True, exist_ok=True)
    file.rename(target)
    pixels = np.asarray(Picture.open(target))
    name = f"{entry.filename} #{number}"
    photo = Photo(
        name=name,
        pixels=pixels,
        alpha=None,
        original_width=width,
        original_height=height,
        focal_px=None,
        camera_model=None,
        format="jpeg",
    )
    return Read(
        Entry(entry.path, name),
        sha256_of(target),
        measures=capture.measure(photo),
        original_size=(width, height),
        format="jpeg",
    )


def _mime(entry: Entry) -> str:
    with entry.path.open("rb") as file:
        return MIMES.get(sniff_video(file.read(HEADER_BYTES)) or "", "application/octet-stream")
