"""How files are sent to the service: in few requests, and together what only together means something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from maquette.client.inputs import NoInputError, Sent
from maquette.recon.archive import is_archive
from maquette.steps.intake import MASK_ENDING, PHOTO_ENDINGS, kind_of, rig_among

MOST_PHOTOS = 20
"""Photos sent in one request: few enough that a lost line costs little."""


def batches(sent: Sequence[Sent]) -> list[list[Sent]]:
    """The requests in which the files go, and in which field each: a mask goes with its photo, all cameras go with
    the first photos, six views go alone. Files of folders that the service would make nothing of stay here.

    Raises ``no_files``.
    """
    by_path = {one.path: one for one in sent}
    kinds = {one.path: "archive" if _is_archive(one) else kind_of(one.entry()) for one in sent}
    views, depths = rig_among([one.entry() for one in sent if kinds[one.path] == "image"])
    if views or depths:
        return [
            [replace(by_path[one.path], field="views") for one in views]
            + [replace(by_path[one.path], field="depth_renders") for one in depths]
        ]
    cameras = [one for one in sent if kinds[one.path] == "poses"]
    groups: dict[tuple[str, str], list[Sent]] = {}
    for one in sent:
        if kinds[one.path] not in ("poses", "nothing"):
            groups.setdefault((one.folder, _subject(one)), []).append(one)
    if not groups:
        raise NoInputError("There are no photos to work on.", suggestion="Name a folder that holds some.")
    found: list[list[Sent]] = [list(cameras)]
    photos = 0
    for group in groups.values():
        if photos >= MOST_PHOTOS:
            found.append([])
            photos = 0
        found[-1] += group
        photos += 1
    return found


def _subject(one: Sent) -> str:
    """What a photo and its mask are both called: a.mask.png and a.jpg.mask.png belong to a.jpg."""
    name = one.path.name.lower()
    if not name.endswith(MASK_ENDING):
        return one.path.stem.lower()
    wanted = PurePath(name.removesuffix(MASK_ENDING))
    return wanted.stem if wanted.suffix in PHOTO_ENDINGS else wanted.name


def _is_archive(one: Sent) -> bool:
    with one.path.open("rb") as file:
        return is_archive(file.read(64))
