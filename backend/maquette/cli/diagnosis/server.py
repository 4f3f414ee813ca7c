"""The API: whether it answers where it should, and who else is there."""

from __future__ import annotations

import socket
from typing import Any

import httpx

from maquette import __version__
from maquette.db.findings import Finding
from maquette.settings import Settings, StackNotRunningError, resolve_connections

TIMEOUT_S = 3.0


def look_at_server(settings: Settings) -> Finding:
    """None that runs is well, where the port is free for one."""
    running = True
    url = settings.server_url
    if settings.embedded:
        try:
            # Its own record says where it listens, whatever this environment says now.
            url = resolve_connections(settings).supabase_url
        except StackNotRunningError:
            running = False
    health = _health(url)
    if health is None and settings.embedded and running:
        return Finding(
            "server", "failure", f"it runs, but does not answer at {url}", "Look at its output, or start it again."
        )
    if health is None or (settings.embedded and not running):
        return _port(settings, health)
    said, version = health["status"], health["version"]
    if version != __version__:
        return Finding(
            "server",
            "warning",
            f"{url} runs Maquette {version}, this is {__version__}",
            "Start it again, so that it runs what is installed.",
        )
    missing = [part["message"] for part in health.values() if isinstance(part, dict) and part.get("ok") is False]
    level = {"ok": "ok", "degraded": "warning"}.get(said, "failure")
    return Finding("server", level, f"{url} says {said}", " ".join(missing))  # type: ignore[arg-type]


def _health(url: str) -> dict[str, Any] | None:
    """What a Maquette there says of itself; None where none is."""
    try:
        said = httpx.get(f"{url}/api/v1/health", timeout=TIMEOUT_S, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return None
    return said if isinstance(said, dict) and {"status", "version"} <= said.keys() else None


def _port(settings: Settings, health: dict[str, Any] | None) -> Finding:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            other = "a Maquette on another home" if health is not None else "another program"
            found = f"{settings.host}:{settings.port} cannot be had ({error.strerror}): {other} may listen there"
            return Finding("port", "failure", found, "Stop it, or choose another port with MAQUETTE_PORT or --port.")
    return Finding("port", "ok", f"{settings.host}:{settings.port} is free: start `maquette serve` when you want it")
