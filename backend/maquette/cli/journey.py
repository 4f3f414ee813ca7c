"""The demo's way through the API, as any client would go it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import UUID

import httpx

from maquette.cli.bars import Bars
from maquette.cli.keys import temporary_key
from maquette.cli.local import metric_line, stoppable, writable_folder
from maquette.cli.remote import warn
from maquette.client import Client, Model, Run
from maquette.embedded.compat import LOCAL_OWNER
from maquette.errors import MaquetteError, UnavailableError
from maquette.settings import Settings, StackNotRunningError, resolve_connections

START_S = 120.0


class ServerDidNotStartError(UnavailableError):
    """The demo's own server ended, or never answered."""

    code = "server_did_not_start"


def run_demo(settings: Settings, photos: Path | None, out: Path, preset: str, *, stay: bool) -> None:
    """Upload, generate, refine, export; files in ``out``; one metric line a model version."""
    writable_folder(out)
    with contextlib.ExitStack() as stack:
        stack.enter_context(stoppable("Files that were finished are kept; call it again to begin anew."))
        if photos is None:
            photos = _own_capture(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        url, process = stack.enter_context(_server(settings))
        client = stack.enter_context(_client(settings, url))
        bars = stack.enter_context(Bars())
        project_id = _upload(client, bars, photos, out, preset)
        _follow(client, bars, client.generate(project_id, preset=preset))
        _tell_unplaced(client, bars, project_id)
        if _measured(client, project_id):
            _follow(client, bars, client.refine(project_id, num_iterations=2))
        else:
            bars.say("No refinement: all views taught the model, so nothing is left to measure a round by.")
        paths = _export(client, bars, project_id, out)
        models = client.models(project_id)
        _save_preview(client, models, out)
        bars.end_stage()
        for model in models:
            if model.psnr is not None and model.ssim is not None:
                bars.say(metric_line(model.version, model.psnr, model.ssim))
        for path in (*paths, out / "preview.jpg"):
            bars.say(str(path))
        bars.say(f"project {project_id}")
        if stay and process is not None:
            bars.say(f"The server stays at {url} (docs at {url}/docs). Ctrl-C stops it.")
            with contextlib.suppress(KeyboardInterrupt):
                process.wait()
        elif process is not None:
            bars.say("The server stops now; `make serve` starts it again and finds this project.")


def _own_capture(folder: Path) -> Path:
    from maquette.recon.synthetic import make_capture

    capture = folder / "synthetic"
    with Bars() as bars:
        make_capture(capture, progress=lambda stage, fraction, message="": bars.update(stage, fraction, message))
    return capture


@contextlib.contextmanager
def _server(settings: Settings) -> Iterator[tuple[str, subprocess.Popen[bytes] | None]]:
    """The address of the server on this home; one is started where none runs, and stopped when no demo needs it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        running = _running(settings)
        if running is not None:
            yield running, None
            return
        port = settings.port if _is_free(settings.host, settings.port) else _free_port(settings.host)
        url = settings.model_copy(update={"port": port}).server_url
        process = subprocess.Popen(
            [sys.executable, "-m", "maquette.cli", "serve", "--port", str(port)],
            env={**os.environ, "MAQUETTE_LOG_LEVEL": os.environ.get("MAQUETTE_LOG_LEVEL", "warning")},
            start_new_session=True,
        )
        try:
            _wait(url, process)
            yield url, process
            _wait_for_others(lock)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def _running(settings: Settings) -> str | None:
    """Where the server on this very home listens, if one runs. Its own record says, not the port in the settings."""
    try:
        url = resolve_connections(settings).supabase_url if settings.embedded else settings.server_url
        answered = httpx.get(f"{url}/api/v1/ready", timeout=5, trust_env=False).is_success
    except (StackNotRunningError, httpx.HTTPError):
        return None
    return url if answered else None


def _wait_for_others(lock: IO[str]) -> None:
    """Other demos may use the server that this one started."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another demo still uses this server; it stops when that one ends.")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerDidNotStartError("The server ended while it started.", suggestion="The lines above say why.")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/api/v1/ready", timeout=5, trust_env=False).is_success:
                return
        time.sleep(0.2)
    raise ServerDidNotStartError(
        f"The server did not answer within {START_S:.0f} s.", suggestion="See the lines above."
    )


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((host, port)) != 0


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _client(settings: Settings, url: str) -> Iterator[Client]:
    with contextlib.ExitStack() as stack:
        key = None
        if settings.api_keys:
            # Of the configured keys only hashes are known, so the demo makes one of its own, for the same owner.
            owner = settings.api_keys[0].owner or UUID(LOCAL_OWNER)
            key = stack.enter_context(temporary_key(resolve_connections(settings), "maquette demo", owner))
        yield stack.enter_context(Client(url, key=key))


def _upload(client: Client, bars: Bars, photos: Path, out: Path, preset: str) -> UUID:
    done = client.upload(photos, besides=out, preset=preset, progress=bars.update)
    for image in done.images:
        for reason in image["reasons"]:
            bars.say(f"  {image['verdict']}: {reason['message']} {reason['suggestion']}")
    warn(bars, done.warnings)
    for reason in (done.capture or {}).get("reasons", ()):
        bars.say(f"  the set: {reason['sentence']} {reason['action']}")
    return done.project_id


def _follow(client: Client, bars: Bars, run: Run) -> None:
    """Watch a run until it ends. Ctrl-C cancels it: nobody would look at its result."""
    try:
        ended = client.wait(run, progress=bars.update)
    except KeyboardInterrupt:
        with contextlib.suppress(MaquetteError):
            client.cancel(run.id)
        raise
    warn(bars, ended.warnings)


def _measured(client: Client, project_id: UUID) -> bool:
    """Whether anything was held out; of six views and of a single photo nothing is, and they cannot be refined."""
    return any(view["split"] == "held_out" for view in client.records(project_id, "views"))


def _tell_unplaced(client: Client, bars: Bars, project_id: UUID) -> None:
    """Photos that fell off, each with its reason."""
    for image in client.records(project_id, "images"):
        if image["placed"] is False:
            bars.say(f"  not placed: {image['placed_reason']}")


def _export(client: Client, bars: Bars, project_id: UUID, out: Path) -> list[Path]:
    paths = []
    for number, file_format in enumerate(("ply", "splat")):
        bars.update("export", number / 2, file_format)
        paths.append(client.download(client.export(project_id, format=file_format), out / f"model.{file_format}"))
    bars.update("export", 1.0)
    return paths


def _save_preview(client: Client, models: list[Model], out: Path) -> None:
    best = next((model for model in models if model.promoted), models[-1])
    if best.preview_url:
        client.fetch(best.preview_url, out / "preview.jpg")
