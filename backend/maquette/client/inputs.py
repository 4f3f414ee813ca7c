"""What commands are given: files, and folders that are gone through as a ZIP of them would be."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maquette.errors import BadInputError

if TYPE_CHECKING:
    from maquette.steps.intake import Entry, Field

REDUCED = re.compile(r"images_\d+")
"""Programs for radiance fields lay smaller copies of ``images`` beside it, under such names."""


class NoInputError(BadInputError):
    """Nothing was named that could be worked on."""

    code = "no_files"


@dataclass(frozen=True)
class Sent:
    """One file of a call; ``folder``: the folder that was named and what lies below it, ``.`` for a file itself."""

    path: Path
    field: Field = "file"
    folder: str = "."

    def entry(self) -> Entry:
        """As the upload step sorts it."""
        from maquette.steps.intake import Entry

        return Entry(self.path, self.path.name, self.field, self.folder)


def gather(
    inputs: Sequence[Path],
    views: Sequence[Path] = (),
    depth_renders: Sequence[Path] = (),
    *,
    besides: Path | None = None,
) -> list[Sent]:
    """Files named, and the files in folders named and below them, in the order of their names.

    Left out are hidden files, reduced copies (:data:`REDUCED`), results of earlier calls, and the folder ``besides``.
    Raises ``no_files``.
    """
    sent: list[Sent] = []
    known: tuple[tuple[Field, Sequence[Path]], ...] = (
        ("file", inputs),
        ("views", views),
        ("depth_renders", depth_renders),
    )
    for field, paths in known:
        for path in paths:
            if path.is_dir():
                sent += [Sent(file, field, folder) for file, folder in _within(path, besides)]
            elif path.is_file():
                sent.append(Sent(path, field))
            else:
                raise NoInputError(f"There is no file or folder {path}.", suggestion="Check the path.")
    if not sent:
        raise NoInputError(
            "There are no photos to work on.",
            suggestion="Name photos, a video, a ZIP, or a folder that holds some; `maquette reconstruct --help`.",
        )
    return list({one.path: one for one in reversed(sent)}.values())[::-1]


def _within(top: Path, besides: Path | None) -> Iterator[tuple[Path, str]]:
    """The files below a folder, each with the folder it lies in as a user would name it."""
    # An absolute path has a name where `.` has none.
    name = top.resolve().name or "folder"
    for home, folders, files in os.walk(top):
        here = Path(home)
        folders[:] = sorted(
            one
            for one in folders
            if not one.startswith(".")
            and one != "__MACOSX"
            and not (REDUCED.fullmatch(one) and "images" in folders)
            and not _is_result(here / one, besides)
        )
        for file in sorted(files):
            if not file.startswith(".") and (here / file).is_file():
                yield here / file, (Path(name) / here.relative_to(top)).as_posix()


def _is_result(folder: Path, besides: Path | None) -> bool:
    return (folder / "steps" / "calls.json").exists() or (
        besides is not None and besides.exists() and folder.samefile(besides)
    )
