"""What a client can do, as flows of requests (:mod:`maquette.client.exchange`)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from maquette.client.answers import Event, Export, Model, Project, Run, Upload
from maquette.client.errors import ApiError, RunFailedError
from maquette.client.exchange import Flow, Part, Pause, Progress, Save, Send, all_items, answer_of, call
from maquette.client.resumable import LARGE_BYTES, Memory, fingerprint, send_large

FIRST_LOOK_S, SELDOM_S = 0.3, 2.0


def create_project(name: str) -> Flow[Project]:
    body = yield from answer_of(Send("POST", "/projects", json={"name": name}))
    return Project.of(body)


def read_project(project_id: UUID) -> Flow[Project]:
    return Project.of((yield from answer_of(Send("GET", f"/projects/{project_id}"))))


def list_projects() -> Flow[list[Project]]:
    return [Project.of(one) for one in (yield from all_items("/projects", {"limit": 100}))]


def rename_project(project_id: UUID, name: str) -> Flow[Project]:
    return Project.of((yield from answer_of(Send("PATCH", f"/projects/{project_id}", json={"name": name}))))


def delete_project(project_id: UUID) -> Flow[None]:
    yield from call(Send("DELETE", f"/projects/{project_id}"))


def upload(
    paths: Sequence[Path],
    project_id: UUID | None,
    name: str | None,
    options: Mapping[str, Any],
    progress: Progress,
    memory: Memory,
    besides: Path | None = None,
) -> Flow[Upload]:
    """Everything in ``paths``, in as many requests as it takes; a project is made where none is named.

    The same call goes on where one was broken off: into the project that it made, and with what arrived left out.
    ``besides``: a folder within ``paths`` that is left out.
    """
    # Sorting needs what the upload step knows of files, which takes a while to import.
    from maquette.client.batches import batches
    from maquette.client.inputs import gather

    requests = batches(gather(paths, besides=besides))
    form = {name: _written(value) for name, value in options.items() if value is not None}
    begun = None
    if project_id is None:
        begun = fingerprint(name, form, files=[one.path for files in requests for one in files])
        project_id = (yield from _project_for(begun, (name or _name_of(paths[0]))[:200], memory)).id
    total = sum(one.path.stat().st_size for files in requests for one in files) or 1
    done = 0
    images: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    capture, degraded = None, False
    began = time.monotonic()

    def told(bytes_there: int) -> None:
        share = min((done + bytes_there) / total, 1.0)
        seconds = time.monotonic() - began
        speed = (done + bytes_there) / 1e6 / seconds if seconds > 0 else 0.0
        progress("upload", share, f"{(done + bytes_there) / 1e6:.1f} of {total / 1e6:.1f} MB, {speed:.1f} MB/s")

    for files in requests:
        large = [one for one in files if one.path.stat().st_size >= LARGE_BYTES and one.field == "file"]
        small = [one for one in files if one not in large]
        try:
            incoming = []
            for one in large:
                incoming.append((yield from send_large(project_id, one.path, memory, told)))
                done += one.path.stat().st_size
            body = yield from answer_of(
                Send(
                    "POST",
                    "/upload",
                    form={**form, "project_id": str(project_id), **({"incoming": incoming} if incoming else {})},
                    parts=[Part(one.field, one.path) for one in small],
                    headers={"Idempotency-Key": fingerprint(str(project_id), form, files=[one.path for one in files])},
                    sent=told,
                )
            )
        except ApiError as error:
            if begun and not images and error.status < 500 and error.status != 429:
                # It was refused for good, and nothing came in: an empty project would only be in the way.
                memory[begun] = None
                yield from delete_project(project_id)
            raise
        done += sum(one.path.stat().st_size for one in small)
        images += body["images"]
        warnings += body["warnings"]
        capture, degraded = body["capture"] or capture, degraded or body["degraded"]
    if begun:
        memory[begun] = None
    progress("upload", 1.0, "")
    return Upload(project_id, images, capture, warnings, degraded)


def _name_of(path: Path) -> str:
    whole = path.resolve()
    return (whole.name if whole.is_dir() else whole.stem) or "project"


def _project_for(begun: str, name: str, memory: Memory) -> Flow[Project]:
    """The project that a call which was broken off has made, else a new one."""
    if known := memory[begun]:
        try:
            return (yield from read_project(UUID(known)))
        except ApiError as error:
            if error.status != 404:
                raise
    project = yield from create_project(name)
    memory[begun] = str(project.id)
    return project


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def start(step: str, project_id: UUID, parameters: Mapping[str, Any], *, fresh: bool) -> Flow[Run]:
    """Ask for a step; a run that is done already comes back completed."""
    params = {"fresh": "true"} if fresh else None
    answer = yield from call(Send("POST", f"/{step}/{project_id}", params, json=dict(parameters)))
    return (yield from read_run(UUID(answer.json()["run_id"])))


def read_run(run_id: UUID) -> Flow[Run]:
    return Run.of((yield from answer_of(Send("GET", f"/runs/{run_id}"))))


def wait(run_id: UUID, progress: Progress) -> Flow[Run]:
    """Until the run has ended; :class:`RunFailedError` where it did not end well."""
    look_s = FIRST_LOOK_S
    while True:
        run = yield from read_run(run_id)
        progress(run.step, run.progress_percentage / 100, _doing(run))
        if run.status == "completed":
            return run
        if run.ended:
            words = {"code": f"run_{run.status}", "message": f"The {run.step} run was {run.status}."}
            raise RunFailedError.of(run.error or words, 409)
        yield Pause(look_s)
        look_s = min(look_s * 1.3, SELDOM_S)


def _doing(run: Run) -> str:
    if run.status == "queued":
        return f"waiting in line, place {run.queue_position or 1}"
    return ": ".join(filter(None, (run.stage, run.message)))


def cancel(run_id: UUID) -> Flow[Run]:
    yield from call(Send("POST", f"/runs/{run_id}/cancel", json={"confirm": True}))
    return (yield from read_run(run_id))


def retry(run_id: UUID) -> Flow[Run]:
    answer = yield from call(Send("POST", f"/runs/{run_id}/retry"))
    return (yield from read_run(UUID(answer.json()["run_id"])))


def list_models(project_id: UUID) -> Flow[list[Model]]:
    return [Model.of(one) for one in (yield from all_items(f"/projects/{project_id}/models", {"limit": 100}))]


def list_records(project_id: UUID, kind: str) -> Flow[list[dict[str, Any]]]:
    return (yield from all_items(f"/projects/{project_id}/{kind}", {"limit": 100}))


def fetch(url: str, path: Path, progress: Progress) -> Flow[Path]:
    yield Save(url, path, progress)
    return path


def read_status(project_id: UUID) -> Flow[dict[str, Any]]:
    return (yield from answer_of(Send("GET", f"/status/{project_id}")))


def read_events(project_id: UUID, after: int) -> Flow[list[Event]]:
    body = yield from answer_of(Send("GET", f"/projects/{project_id}/events", {"after": after}))
    return [Event.of(one) for one in body["items"]]


def export(project_id: UUID, parameters: Mapping[str, Any], progress: Progress) -> Flow[Export]:
    """Make a file and answer where it is."""
    run = yield from start("export", project_id, parameters, fresh=False)
    run = yield from wait(run.id, progress)
    return Export.of(run.result or {})


def save_export(made: Export, path: Path | None, progress: Progress) -> Flow[Path]:
    """Fetch the file. ``path``: a file, a folder, or None for this folder."""
    if made.download_url is None:
        raise RunFailedError.of({"code": "file_removed", "message": "The file was removed.",
                                 "suggestion": "Ask for the export again."}, 410)  # fmt: skip
    target = path or Path()
    if target.is_dir():
        target = target / _file_name(made)
    yield Save(made.download_url, target, progress)
    return target


def _file_name(made: Export) -> str:
    """As the server names it, or by version and format. Never a path: the name comes from elsewhere."""
    found = re.search(r"[?&]download=([A-Za-z0-9._-]+)", made.download_url or "")
    name = Path(found.group(1)).name if found else ""
    return name if name.strip(".") else f"model-v{made.version}.{made.format}"
