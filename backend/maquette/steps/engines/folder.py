"""The folder that an engine works in: what it is given, and where it leaves what it made.

::

    request.json                   what is asked for (docs/engines.md)
    input/images/…                 undistorted training photos; held-out ones are never given
    input/masks/….png              which pixels count, where that is known
    input/sparse/0/*.txt           cameras and sparse points as COLMAP has them, and points3D.ply
    input/transforms.json          the same cameras as nerfstudio has them
    input/points.ply               the sparse points
    input/model.ply                the model to begin with, where there is one
    output/                        empty
    work/                          its own, also HOME and TMPDIR
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from maquette.steps.folder import Folder


@dataclass(frozen=True)
class EngineFolder:
    """Paths below ``root``. ``taken`` is beside it: what was made is copied there before anybody reads it."""

    root: Path

    @classmethod
    def of(cls, folder: Folder, engine: str) -> EngineFolder:
        """That of an engine in a step's folder."""
        return cls(folder.root / "engine" / engine)

    @property
    def request(self) -> Path:
        """What is asked for."""
        return self.root / "request.json"

    @property
    def input(self) -> Path:
        """What it may read."""
        return self.root / "input"

    @property
    def output(self) -> Path:
        """Where it leaves results."""
        return self.root / "output"

    @property
    def work(self) -> Path:
        """Its own."""
        return self.root / "work"

    @property
    def taken(self) -> Path:
        """Results that it cannot change any more."""
        return self.root.with_name(f"{self.root.name}-taken")

    def begin(self) -> None:
        """Empty, whatever an earlier attempt left."""
        self.forget()
        for path in (self.input, self.output, self.work, self.taken):
            path.mkdir(parents=True)

    def forget(self) -> None:
        """Take all of it away. A link that the engine put in the place of a folder is not followed."""
        for path in (self.root, self.taken):
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)
