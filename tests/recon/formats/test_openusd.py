"""Without the extra ``[usd]``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import maquette

WITHOUT = """
import sys
sys.modules["pxr"] = None
from pathlib import Path
import numpy as np
from maquette.recon.formats import usdz
from maquette.recon.formats.openusd import UsdExtraMissingError
from maquette.recon.mesh import Mesh
mesh = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))
for act in (lambda: usdz.write(mesh, Path("box.usdz"), provenance={}), lambda: usdz.read(Path("box.usdz"))):
    try:
        act()
    except UsdExtraMissingError as error:
        print(error.status, error.code, error.suggestion)
"""


def test_usdz_says_which_extra_it_needs(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(maquette.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert (
        done.stdout.splitlines()
        == ["503 usd_extra_missing Install the extra: pip install 'maquette[usd]'; or export as glb."] * 2
    )
    assert list(tmp_path.iterdir()) == []
