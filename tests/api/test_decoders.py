"""Bytes of users are decoded in processes of their own, which have an end to memory and time: never in a server's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import maquette

DECODERS = ("PIL", "cv2", "av", "pillow_heif", "pycolmap", "trimesh", "torch", "scipy", "onnxruntime", "pxr")
PACKAGE = Path(maquette.__file__).parent

SERVERS = ("api", "embedded", "execution", "storage", "db", "webhooks", "realtime", "queue", "worker", "rendering")
CHILDREN = {"rendering/drawing.py", "rendering/child.py"}


def test_servers_start_without_any_decoder() -> None:
    """The API and the worker: what is not there cannot be fed."""
    code = (
        "import sys, maquette.api.app, maquette.worker.loop;"
        f"print(*[name for name in {DECODERS!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_servers_import_later_decodes_nothing() -> None:
    """Imports inside functions too: only the processes that draw may bring decoders along."""
    wanted = re.compile(rf"^\s*(?:import|from) ({'|'.join(DECODERS)})\b|\bnp\.load\(|\bpickle\b", re.MULTILINE)
    found = {
        path.relative_to(PACKAGE).as_posix()
        for part in SERVERS
        for path in (PACKAGE / part).rglob("*.py")
        if wanted.search(path.read_text())
    }
    assert found <= CHILDREN
