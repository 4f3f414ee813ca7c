"""The folder a step works in: where each file lies. The worker fills it from the buckets, the command line keeps it.

::

    incoming/NNNN_*           photos as sent (upload reads them); incoming.json their names
    images/NNNN.jpg           processed photos (generate reads them)
    masks/NNNN.jpg.png        which of a photo's pixels show the subject, where that is known
    images.json               name, the user's file name, EXIF focal length, kind and details of each processed photo
    poses/                    known cameras as they were sent: transforms.json, a COLMAP model, or …_par.txt
    sfm/                      structure-from-motion; its scene/ holds cameras, lenses, sparse points, undistorted photos
    replacements/NNNN.jpg     processed photos that took the place of others, whose views wait to be made again
    training/                 newest checkpoints of a training under way
    evaluation.json           the fixed evaluation set
    models/v<N>/              model.ply, filtered.ply or unfiltered.ply, checkpoint.npz, preview.jpg, record.json
    depth/                    depth maps and heatmaps
    meshes/v<N>-<preset>/     mesh.npz, mesh.obj, material.mtl, textures, previews, quality.json
    exports/                  files for the user
    project.json              project id and name, newest version known, versions this run has kept already
    machine.json              which weights of neural models this machine has, and which may be used
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.models.installed import read_weights
from maquette.recon.atomic import replacing
from maquette.recon.weights import Weights
from maquette.steps.records import Model

MESH_FILE = "mesh.npz"
"""In the folder of a mesh: what exports are written from."""


@dataclass(frozen=True)
class Folder:
    """Paths below ``root``; nothing is created until something is written."""

    root: Path

    @property
    def incoming(self) -> Path:
        """Photos as they were sent."""
        return self.root / "incoming"

    @property
    def images(self) -> Path:
        """Processed photos."""
        return self.root / "images"

    @property
    def masks(self) -> Path:
        """Masks of processed photos, called as :func:`maquette.recon.masks.mask_beside` looks for them."""
        return self.root / "masks"

    @property
    def poses(self) -> Path:
        """Known cameras as they were sent; no folder where none were."""
        return self.root / "poses"

    @property
    def replacements(self) -> Path:
        """Processed photos that took the place of others, whose views wait to be made again."""
        return self.root / "replacements"

    @property
    def training(self) -> Path:
        """The newest checkpoints of a training under way: a killed run goes on from them."""
        return self.root / "training"

    @property
    def sfm(self) -> Path:
        """Working files of structure-from-motion; kept so that a killed run resumes."""
        return self.root / "sfm"

    @property
    def scene(self) -> Path:
        """Cameras, sparse points and undistorted photos."""
        return self.sfm / "scene"

    @property
    def depth(self) -> Path:
        """Depth maps."""
        return self.root / "depth"

    @property
    def exports(self) -> Path:
        """Files for the user."""
        return self.root / "exports"

    def mesh(self, version: int, preset: str, *, filtered: bool) -> Path:
        """The folder of a version's mesh."""
        return self.root / "meshes" / f"v{version}-{preset}{'-filtered' if filtered else ''}"

    @property
    def evaluation(self) -> Path:
        """The evaluation set fixed at the first generate."""
        return self.root / "evaluation.json"

    def model(self, version: int) -> Path:
        """The folder of one model version."""
        return self.root / "models" / f"v{version}"

    def work_under_way(self) -> list[Path]:
        """The files that another machine could go on with a training from; empty where none is under way.

        What comes after the floater filter, a seventh of the time, is left out: it is done again from these.
        """
        files = [self.training / name for name in ("work.json", "checkpoint.npz")]
        # Before the checkpoint: it may be newer than that, and never older.
        beside = [path for path in [self.training / "losses.json"] if path.exists()]
        return [*files, *beside] if all(path.exists() for path in files) else []

    def relative(self, path: Path) -> str:
        """``path`` as records name it."""
        return path.relative_to(self.root).as_posix()

    def project(self) -> dict[str, Any]:
        """``project.json``, empty where there is none."""
        path = self.root / "project.json"
        data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return data

    def weights(self) -> Weights:
        """The weights that this machine lets a step use; none where nobody said."""
        path = self.root / "machine.json"
        if not path.exists():
            return Weights()
        told = json.loads(path.read_text())
        return read_weights(
            Path(told["models_dir"]),
            allow_noncommercial=told["allow_noncommercial_models"],
            trust_code=told["trust_model_code"],
        )

    def describe_machine(self, models_dir: Path, *, allow_noncommercial: bool, trust_code: Collection[str]) -> None:
        """Write what :meth:`weights` reads."""
        write_json(
            self.root / "machine.json",
            {
                "models_dir": str(models_dir),
                "allow_noncommercial_models": allow_noncommercial,
                "trust_model_code": sorted(trust_code),
            },
        )

    def focal_lengths(self) -> dict[str, float]:
        """EXIF focal lengths in px by processed file name, where photos had one."""
        return {e["name"]: float(e["focal_px"]) for e in self._index() if e.get("focal_px")}

    def filenames(self) -> dict[str, str]:
        """What the user called each processed photo."""
        return {e["name"]: str(e["filename"]) for e in self._index() if e.get("filename")}

    def kinds(self) -> dict[str, str]:
        """``photo``, ``frame``, ``view`` or ``depth_render`` of each processed photo, by name."""
        return {e["name"]: str(e.get("kind", "photo")) for e in self._index()}

    def details(self) -> dict[str, dict[str, Any]]:
        """What else is known of each processed photo, by name: of a frame ``video``, ``time_s``; of a view ``side``."""
        return {e["name"]: dict(e.get("details") or {}) for e in self._index()}

    def original_sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each photo as it was sent, upright, px, by processed file name."""
        return {
            e["name"]: (int(e.get("original_width") or 0), int(e.get("original_height") or 0)) for e in self._index()
        }

    def _index(self) -> list[dict[str, Any]]:
        path = self.root / "images.json"
        entries: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return entries

    def next_version(self) -> int:
        """One more than the newest version that the project or this folder knows."""
        here = [int(p.name[1:]) for p in (self.root / "models").glob("v*") if (p / "record.json").exists()]
        return max([int(self.project().get("latest_version", -1)), *here]) + 1

    def save_model(self, record: Model) -> None:
        """Write a version's record last: a version without one is unfinished."""
        write_json(self.model(record.version) / "record.json", record.model_dump(mode="json"))

    def load_model(self, version: int) -> Model:
        """Read a version's record."""
        return Model.model_validate_json((self.model(version) / "record.json").read_text())


def write_json(path: Path, data: object) -> None:
    """Write JSON so that a crash leaves the old file or the new one, never half of one."""
    with replacing(path) as file:
        file.write(json.dumps(data).encode())
