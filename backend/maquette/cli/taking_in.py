"""Takes files into an OUT of ``maquette reconstruct``: the upload step, and what the worker else does around it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maquette.cli.local import LocalSink
from maquette.cli.memory import Memory, in_known_order
from maquette.client.inputs import Sent
from maquette.errors import BadInputError
from maquette.steps import evaluation
from maquette.steps.folder import Folder
from maquette.steps.records import Images


class FixedPhotosError(BadInputError):
    """OUT measures its versions by views whose numbers another set of files would change."""

    code = "out_holds_other_photos"


def upload(sent: Sequence[Sent], parameters: dict[str, Any], folder: Folder, memory: Memory, sink: LocalSink) -> None:
    """Take the files in, those of an earlier call under the numbers they have. Raises ``out_holds_other_photos``, and
    what the upload step raises.
    """
    fixed = folder.evaluation.exists()
    # Before photos were held out, any set may take another's place.
    ordered, hashes = in_known_order([one.path for one in sent], memory.photos if fixed else ())
    earlier, before = memory.parameters("upload"), memory.images()
    if fixed and parameters["frames"] is None:
        # The preset of the first call chose the frames, and some of them measure.
        parameters["preset"] = earlier.get("preset", parameters["preset"])
    if fixed and before is not None and not memory.is_done("upload", parameters, hashes):
        _check_numbers_stay(folder, before, more=hashes != memory.photos, frames=parameters["frames"], earlier=earlier)
    if not memory.is_done("upload", parameters, hashes):
        by_path = {one.path: one for one in sent}
        lay([by_path[path] for path in ordered], folder)
    memory.run("upload", parameters, hashes, sink)
    memory.photos = hashes
    memory.save()
    index_images(folder, sink.images())


def _check_numbers_stay(
    folder: Folder, before: Images, *, more: bool, frames: int | None, earlier: dict[str, Any]
) -> None:
    """Refuse what would give held-out views other numbers, or mix views that measure with those that cannot."""
    held_out = evaluation.load(folder)
    if more and held_out is not None and not held_out.names:
        raise FixedPhotosError(
            "The --out folder was made from a single photo or from six views, to which nothing can be added.",
            suggestion="Choose another --out.",
        )
    if any(image.kind == "frame" for image in before.images) and (more or frames != earlier.get("frames")):
        raise FixedPhotosError(
            "The --out folder measures by some frames of a video, which other files or --frames would change.",
            suggestion="Choose another --out.",
        )


def lay(sent: Sequence[Sent], folder: Folder) -> None:
    """Lay the files into the upload step's folder; links where the disk allows, so nothing is doubled."""
    for old in (folder.incoming, folder.images, folder.masks, folder.poses):
        shutil.rmtree(old, ignore_errors=True)
    folder.incoming.mkdir(parents=True)
    entries = []
    for number, one in enumerate(sent):
        name = f"{number:04d}"
        try:
            os.link(one.path.resolve(), folder.incoming / name)
        except OSError:
            shutil.copyfile(one.path, folder.incoming / name)
        entries.append({"file": name, "filename": one.path.name, "field": one.field, "folder": one.folder})
    (folder.root / "incoming.json").write_text(json.dumps(entries))


def index_images(folder: Folder, images: Images) -> None:
    """What the worker writes from the database: what takes part, what is known of it, and the cameras that came."""
    index = [
        {
            "name": Path(image.processed.path).name,
            **image.model_dump(
                include={"filename", "focal_px", "kind", "details", "original_width", "original_height"}
            ),
        }
        for image in images.images
        if image.processed is not None
    ]
    (folder.root / "images.json").write_text(json.dumps(index))
    shutil.rmtree(folder.poses, ignore_errors=True)
    for file in images.poses:
        folder.poses.mkdir(exist_ok=True)
        shutil.copyfile(folder.root / file.path, folder.poses / Path(file.path).name)
