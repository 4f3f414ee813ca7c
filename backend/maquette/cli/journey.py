"""The demo's way through the API, as any client would go it."""

from __future__ import annotations

import contextlib
import fcntl
import mimetypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import httpx

from maquette.cli.bars import Bars
from maquette.cli.inputs import Sent, gather
from maquette.cli.keys import temporary_key
from maquette.cli.local import metric_line, stoppable, writable_folder
from maquette.cli.sending import batches
from maquette.embedded.compat import LOCAL_OWNER
from maquette.errors import MaquetteError
from maquette.settings import Settings, StackNotRunningError, resolve_connections

START_S = 120.0
POLL_S = 0.5


class ApiRefusedError(MaquetteError):
    """The API answered with an error; its code and words are passed on."""

    code = "api_refused"


def run_demo(settings: Settings, photos: Path | None, out: Path, preset: str, *, stay: bool) -> None:
    """Upload, generate, refine, export; files in ``out``; one metric line a model version."""
    writable_folder(out)
    with contextlib.ExitStack() as stack:
        stack.enter_context(stoppable("Files that were finished are kept; call it again to begin anew."))
        if photos is None:
            photos = _own_capture(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        requests = batches(gather([photos], besides=out))
        url, process = stack.enter_context(_server(settings))
        client = stack.enter_context(_client(settings, url))
        bars = stack.enter_context(Bars())
        project_id = _upload(client, bars, requests, photos.name, preset)
        _follow(client, bars, "generate", client.post(f"/generate/{project_id}", json={"preset": preset}))
        _tell_unplaced(client, bars, project_id)
        if _measured(client, project_id):
            _follow(client, bars, "refine", client.post(f"/refine/{project_id}", json={"num_iterations": 2}))
        else:
            bars.say("No refinement: all views taught the model, so nothing is left to measure a round by.")
        paths = _export(client, bars, project_id, out)
        models = _everything(client, f"/projects/{project_id}/models")
        _save_preview(client, models, out)
        bars.end_stage()
        for model in models:
            if model["psnr"] is not None:
                bars.say(metric_line(model["version"], model["psnr"], model["ssim"]))
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
            raise ApiRefusedError("The server ended while it started.", suggestion="The lines above say why.")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/api/v1/ready", timeout=5, trust_env=False).is_success:
                return
        time.sleep(0.2)
    raise ApiRefusedError(f"The server did not answer within {START_S:.0f} s.", suggestion="See the lines above.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((host, port)) != 0


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _client(settings: Settings, url: str) -> Iterator[httpx.Client]:
    with contextlib.ExitStack() as stack:
        headers = {}
        if settings.api_keys:
            # Of the configured keys only hashes are known, so the demo makes one of its own, for the same owner.
            owner = settings.api_keys[0].owner or UUID(LOCAL_OWNER)
            headers["X-API-Key"] = stack.enter_context(
                temporary_key(resolve_connections(settings), "maquette demo", owner)
            )
        client = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=300, trust_env=False)
        yield stack.enter_context(client)


def _answer(response: httpx.Response) -> dict[str, Any]:
    """The JSON of an answer; an error of the API raised as ours."""
    body: dict[str, Any] = response.json()
    if response.is_error:
        raise _refused(body.get("error") or {})
    return body


def _everything(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = _answer(client.get(path, params={"cursor": cursor} if cursor else None))
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def _refused(error: dict[str, Any]) -> ApiRefusedError:
    refused = ApiRefusedError(str(error.get("message")), suggestion=str(error.get("suggestion") or ""))
    refused.code = str(error.get("code", "api_refused"))  # type: ignore[misc]
    return refused


def _upload(client: httpx.Client, bars: Bars, requests: list[list[Sent]], name: str, preset: str) -> str:
    project = _answer(client.post("/projects", json={"name": name[:200] or "demo"}))
    project_id = str(project.get("id") or project.get("project_id"))
    total, done = sum(map(len, requests)), 0
    for files in requests:
        bars.update("upload", done / total, f"{done}/{total} files")
        with contextlib.ExitStack() as stack:
            parts = [
                (
                    one.field,
                    (
                        one.path.name,
                        stack.enter_context(one.path.open("rb")),
                        mimetypes.guess_type(one.path.name)[0] or "application/octet-stream",
                    ),
                )
                for one in files
            ]
            response = client.post("/upload", data={"project_id": project_id, "preset": preset}, files=parts)
        if response.is_error and not done:
            # Nothing came in: an empty project would only be in the way.
            client.delete(f"/projects/{project_id}")
        answer = _answer(response)
        done += len(files)
        for image in answer["images"]:
            for reason in image["reasons"]:
                bars.say(f"  {image['verdict']}: {reason['message']} {reason['suggestion']}")
        for warning in answer["warnings"]:
            bars.say(f"  {'degraded' if warning['degraded'] else 'note'}: {warning['message']} {warning['suggestion']}")
    for reason in (answer["capture"] or {}).get("reasons", ()):
        bars.say(f"  the set: {reason['sentence']} {reason['action']}")
    bars.update("upload", 1.0)
    return project_id


def _measured(client: httpx.Client, project_id: str) -> bool:
    """Whether anything was held out; of six views and of a single photo nothing is, and they cannot be refined."""
    return any(view["split"] == "held_out" for view in _everything(client, f"/projects/{project_id}/views"))


def _follow(client: httpx.Client, bars: Bars, step: str, answer: httpx.Response) -> None:
    """Watch a run until it ends. Ctrl-C cancels it: nobody would look at its result."""
    run_id = _answer(answer)["run_id"]
    told: set[str] = set()
    try:
        while True:
            run = _answer(client.get(f"/runs/{run_id}"))
            bars.update(step, run["progress_percentage"] / 100, _doing(run))
            for warning in run.get("warnings") or []:
                if warning["code"] not in told:
                    told.add(warning["code"])
                    kind = "degraded" if warning["degraded"] else "note"
                    bars.say(f"  {kind}: {warning['message']} {warning['suggestion']}")
            if run["status"] in ("failed", "cancelled"):
                error = run["error"] or {"code": run["status"], "message": f"The {step} run was {run['status']}."}
                raise _refused(error)
            if run["status"] == "completed":
                return
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        with contextlib.suppress(httpx.HTTPError):
            client.post(f"/runs/{run_id}/cancel", json={"confirm": True})
        raise


def _doing(run: dict[str, Any]) -> str:
    """What a run does now, in a few words."""
    if run["status"] == "queued":
        return f"waiting in line, place {run.get('queue_position') or 1}"
    return ": ".join(filter(None, (run.get("stage"), run.get("message"))))


def _tell_unplaced(client: httpx.Client, bars: Bars, project_id: str) -> None:
    """Photos that fell off, each with its reason."""
    for image in _everything(client, f"/projects/{project_id}/images"):
        if image["placed"] is False:
            bars.say(f"  not placed: {image['placed_reason']}")


def _export(client: httpx.Client, bars: Bars, project_id: str, out: Path) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, file_format in enumerate(("ply", "splat")):
        bars.update("export", number / 2, file_format)
        made = _answer(client.post(f"/export/{project_id}", params={"wait": 300}, json={"format": file_format}))
        path = out / f"model.{file_format}"
        _download(client, made["download_url"], path)
        paths.append(path)
    bars.update("export", 1.0)
    return paths


def _save_preview(client: httpx.Client, models: list[dict[str, Any]], out: Path) -> None:
    best = next((model for model in models if model["promoted"]), models[-1])
    _download(client, best["preview_url"], out / "preview.jpg")


def _download(client: httpx.Client, url: str, path: Path) -> None:
    """Stream a signed address into a file."""
    with httpx.stream("GET", url, timeout=300, trust_env=False) as response:
        response.raise_for_status()
        with path.open("wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
