"""Sorts what a user sent: photos, their masks, videos, known cameras, six views with depth. By content, then by name.

Archives are taken apart first, so that a ZIP of anything is the same as its files sent one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, Literal

from maquette.errors import BadInputError, MaquetteError
from maquette.recon.archive import ArchiveLimits, is_archive, unpack
from maquette.recon.images.sniff import HEADER_BYTES, known_other_kind, sniff, sniff_video
from maquette.recon.rig.reading import sides_named
from maquette.recon.scenes.pose_files import is_pose_file

Field = Literal["file", "views", "depth_renders"]

MASK_ENDING = ".mask.png"
"""``house.jpg.mask.png`` or ``house.mask.png`` is the mask of ``house.jpg``."""

SIDE_COUNT = 6
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".tif", ".tiff")
"""Names of what was surely meant as a photo, wherever it lay."""


class NestedArchiveError(BadInputError):
    """An archive within an archive."""

    code = "nested_archive"


class MaskWithoutPhotoError(BadInputError):
    """A mask whose photo did not come with it."""

    code = "mask_without_photo"


class MixedInputsError(BadInputError):
    """Six views with depth came together with something else."""

    code = "mixed_inputs"


@dataclass(frozen=True)
class Entry:
    """One file as it came, or as it came out of an archive; ``filename`` is what the user called it.

    ``folder``: where it lay in the archive or in the folder that was given.
    """

    path: Path
    filename: str
    field: Field = "file"
    folder: str = "."
    archive: str | None = None

    @property
    def named(self) -> bool:
        """Whether it was sent by itself; what came in an archive or a folder need not be meant for us."""
        return self.archive is None and self.folder == "."

    @property
    def stem(self) -> str:
        """Its name without the last ending, in small letters: what names are compared by."""
        return PurePath(self.filename).stem.lower()


@dataclass
class Intake:
    """Everything that came, sorted. ``masks``: of photos, by their position in ``photos``."""

    photos: list[Entry] = field(default_factory=list)
    masks: dict[int, Entry] = field(default_factory=dict)
    videos: list[Entry] = field(default_factory=list)
    poses: list[Entry] = field(default_factory=list)
    views: list[Entry] = field(default_factory=list)
    depth_renders: list[Entry] = field(default_factory=list)
    refused: list[tuple[Entry, MaquetteError]] = field(default_factory=list)
    """Files that cannot be used, each with its reason; they stop none of the others."""
    passed_over: list[str] = field(default_factory=list)
    """Files of an archive or a folder that are none of our business, such as a README."""

    @property
    def six_views(self) -> bool:
        """Whether views of the rig came, whatever their number."""
        return bool(self.views or self.depth_renders)


def sort_out(entries: Sequence[Entry], unpacked: Path, limits: ArchiveLimits) -> Intake:
    """Sort the files of an upload, archives unpacked below ``unpacked``.

    Raises the errors of :func:`maquette.recon.archive.unpack` where only archives came and one cannot be read (with
    other files beside it, it is refused by itself), and ``mixed_inputs``.
    """
    intake = Intake()
    loose = _taken_apart(entries, unpacked, limits, intake)
    images: list[Entry] = []
    for entry in loose:
        _sort_one(entry, intake, images)
    _drop_lone_points(intake)
    intake.views, intake.depth_renders = rig_among(images)
    images = [entry for entry in images if entry not in (*intake.views, *intake.depth_renders)]
    _pair_masks(intake, images)
    if intake.six_views and (intake.photos or intake.videos or intake.poses):
        other = next(iter([*intake.photos, *intake.videos, *intake.poses]))
        raise MixedInputsError(
            f"Six views with depth came together with '{other.filename}'.",
            suggestion="Send the six `views` and their six `depth_renders` alone; anything else makes another project.",
            file=other.filename,
        )
    return intake


def entries_of(folder: Path, told: Iterable[dict[str, Any]]) -> list[Entry]:
    """The entries of ``incoming.json``, whose files lie in ``folder``."""
    return [
        Entry(folder / one["file"], str(one["filename"]), one.get("field", "file"), one.get("folder", "."))
        for one in told
    ]


def _taken_apart(entries: Sequence[Entry], unpacked: Path, limits: ArchiveLimits, intake: Intake) -> list[Entry]:
    """Files that are no archives, and those that came out of archives, which share one limit."""
    loose: list[Entry] = []
    left = limits
    archives = [entry for entry in entries if is_archive(_header(entry.path))]
    for entry in entries:
        if entry not in archives:
            loose.append(entry)
            continue
        into = unpacked / f"{len(loose):05d}-{entry.path.name}"
        try:
            members = unpack(entry.path, into, left, name=entry.filename)
        except MaquetteError as error:
            if len(archives) == len(entries) == 1:
                raise
            intake.refused.append((entry, error))
            continue
        used = sum(member.path.stat().st_size for member in members)
        left = replace(left, files=left.files - len(members), total_bytes=left.total_bytes - used)
        for member in members:
            out = Entry(member.path, member.name, entry.field, member.folder, entry.filename)
            if is_archive(_header(member.path)):
                wrong = NestedArchiveError(
                    f"'{member.name}' in '{entry.filename}' is an archive itself.",
                    suggestion="Unpack it and send its files.",
                    file=member.name,
                )
                intake.refused.append((out, wrong))
            else:
                loose.append(out)
    return loose


def kind_of(entry: Entry) -> Literal["image", "video", "poses", "nothing"]:
    """What a file that is no archive is: by its content, cameras by their name.

    What is nothing known is called an image where somebody sent it as one: perhaps its beginning is lost, and reading
    it says best what is wrong.
    """
    header = _header(entry.path)
    if sniff(header) is not None or known_other_kind(header) is not None:
        return "image"
    if sniff_video(header) is not None:
        return "video"
    if is_pose_file(entry.filename):
        return "poses"
    return "image" if entry.named or entry.filename.lower().endswith(PHOTO_ENDINGS) else "nothing"


def _sort_one(entry: Entry, intake: Intake, images: list[Entry]) -> None:
    match kind_of(entry):
        case "image":
            images.append(entry)
        case "video":
            intake.videos.append(entry)
        case "poses":
            intake.poses.append(entry)
        case "nothing":
            intake.passed_over.append(entry.filename)


def _drop_lone_points(intake: Intake) -> None:
    """Points go with a file of cameras; a .ply without one, such as an earlier model, is none of our business."""
    if all(entry.filename.lower().endswith(".ply") for entry in intake.poses):
        intake.passed_over += [entry.filename for entry in intake.poses]
        intake.poses = []


def rig_among(images: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Views and depths of the rig: by their form field, or by the folders they lie in, one of which speaks of depth."""
    by_field: dict[str, list[Entry]] = defaultdict(list)
    for entry in images:
        by_field[entry.field].append(entry)
    if by_field["views"] or by_field["depth_renders"]:
        return by_field["views"], by_field["depth_renders"]
    lying = [entry for entry in by_field["file"] if not entry.named]
    depths = [entry for entry in lying if "depth" in entry.folder.lower()]
    others = [entry for entry in lying if entry not in depths]
    if depths and _all_sides(depths) and _all_sides(others):
        return [entry for entry in others if len(sides_named(entry.filename)) == 1], depths
    return [], []


def _all_sides(entries: Sequence[Entry]) -> bool:
    """Whether the names of these files speak of every side of the rig."""
    named = [sides_named(entry.filename) for entry in entries]
    return len({sides[0] for sides in named if len(sides) == 1}) == SIDE_COUNT


def _pair_masks(intake: Intake, images: list[Entry]) -> None:
    """Give masks to their photos; what is left of the images are photos."""
    masks = [entry for entry in images if entry.filename.lower().endswith(MASK_ENDING)]
    intake.photos = [entry for entry in images if entry not in masks]
    for mask in masks:
        wanted = mask.filename.lower().removesuffix(MASK_ENDING)
        mine = [
            index
            for index, photo in enumerate(intake.photos)
            if wanted in (photo.filename.lower(), photo.stem) and photo.archive == mask.archive
        ]
        near = [index for index in mine if intake.photos[index].folder == mask.folder] or mine
        free = [index for index in near if index not in intake.masks]
        if free:
            intake.masks[free[0]] = mask
        else:
            wrong = MaskWithoutPhotoError(
                f"'{mask.filename}' is named as a mask, but no photo called '{wanted}' came with it.",
                suggestion="Send a photo and its mask in one upload, the mask called like it with .mask.png behind.",
                file=mask.filename,
            )
            intake.refused.append((mask, wrong))


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(max(HEADER_BYTES, 64))
