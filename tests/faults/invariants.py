"""What no fault may break, read from the database and the buckets themselves, not through what is tested."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.faults.processes import CHILD
from tests.faults.server import AWAY, patiently
from tests.faults.site import Site

SETTLED_S = 60.0
"""What is swept away now and then is gone after so long."""


@dataclass
class Audit:
    """Looks at the object of every new row as soon as the row is there: it must not come first, not for a moment."""

    site: Site
    _seen: set[Any] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(30)

    def _look(self) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self._over.wait(0.1):
                rows = self.site.server.rows(
                    "select * from public.artifacts where removed_at is null and not (id = any(%s))", list(self._seen)
                )
                for row in rows:
                    _check_object(self.site, client, row)
                    self._seen.add(row["id"])


def check_objects(site: Site, project_id: str) -> None:
    """Behind every row there is a whole object with the bytes that the row tells of."""
    rows = site.server.rows(
        "select * from public.artifacts where removed_at is null and project_id = %s order by created_at", project_id
    )
    with httpx.Client(trust_env=False, timeout=30) as client:
        for row in rows:
            _check_object(site, client, row)


def _check_object(site: Site, client: httpx.Client, row: dict[str, Any]) -> None:
    data = fetch(site, client, row["bucket"], row["path"])
    found = None if data is None else (hashlib.sha256(data).hexdigest(), len(data))
    if found != (row["sha256"], row["bytes"]) and _still_there(site, row["id"]):
        said = "no object" if found is None else f"{found[1]} other bytes"
        _lost(site, f"{row['kind']} {row['bucket']}/{row['path']} of {row['bytes']} bytes: {said}")
    site.figures.checked["objects"] += 1


def check_everything(site: Site, project_id: str) -> None:
    """All that must hold of a project when its runs have ended."""
    check_objects(site, project_id)
    check_whole(site, project_id)
    check_uploads(site)
    check_exports(site, project_id)
    check_events(site, project_id)
    check_attempts(site, project_id)
    check_versions(site, project_id)
    check_ended(site, project_id)
    for overlap in site.watch.overlaps:
        _lost(site, overlap)
    assert site.figures.lost == [], "\n".join([*site.figures.lost, site.log()])


def check_uploads(site: Site) -> None:
    """Every photo that was acknowledged is there, once, with its own bytes."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        for sent in site.uploads.acknowledged:
            digest = hashlib.sha256(sent.data).hexdigest()
            rows = site.server.rows(
                "select a.bucket, a.path from public.source_images i join public.artifacts a"
                " on a.id = i.original_artifact_id where i.project_id = %s and i.sha256 = %s and i.run_id = %s",
                *(sent.project_id, digest, sent.run_id),
            )
            if len(rows) != 1:
                _lost(site, f"an upload of project {sent.project_id} has {len(rows)} rows")
            elif fetch(site, client, rows[0]["bucket"], rows[0]["path"]) != sent.data:
                _lost(site, f"the original {rows[0]['path']} is not what was sent")
            site.figures.checked["uploads"] += 1
    twice = site.server.rows(
        "select idempotency_key from public.runs where step = 'upload'"
        " and idempotency_key is not null group by idempotency_key having count(*) > 1"
    )
    for row in twice:
        _lost(site, f"the upload {row['idempotency_key']} was taken in twice")


def check_whole(site: Site, project_id: str) -> None:
    """No object is half there, not even one that no row points to."""
    objects = site.server.rows(
        "select bucket_id, name, (metadata->>'size')::bigint as size from storage.objects where name like %s",
        f"{project_id}/%",
    )
    with httpx.Client(trust_env=False, timeout=30) as client:
        for one in objects:
            data = fetch(site, client, one["bucket_id"], one["name"])
            if data is not None and len(data) != one["size"]:
                _lost(site, f"{one['bucket_id']}/{one['name']} has {len(data)} of {one['size']} bytes")


def check_events(site: Site, project_id: str) -> None:
    """The history counts 1, 2, 3 … to what the project says."""
    rows = site.server.rows("select seq from public.events where project_id = %s order by seq", project_id)
    (project,) = site.server.rows("select event_seq from public.projects where id = %s", project_id)
    if [row["seq"] for row in rows] != list(range(1, project["event_seq"] + 1)):
        _lost(site, f"events of {project_id}: {[row['seq'] for row in rows]}, {project['event_seq']} counted")
    site.figures.checked["events"] += len(rows)


def check_attempts(site: Site, project_id: str) -> None:
    """As the history tells it, one attempt at a time was at work, and each began after the one before it had ended."""
    running: tuple[str, int] | None = None
    begun: dict[str, int] = defaultdict(int)
    told = site.server.rows(
        "select run_id::text, payload from public.events"
        " where project_id = %s and type <> 'preview' and payload ? 'attempt' order by seq",
        project_id,
    )
    for event in told:
        run, status, attempt = event["run_id"], event["payload"]["status"], event["payload"]["attempt"]
        if event["payload"]["step"] == "upload":
            continue
        if status == "running":
            if running not in (None, (run, attempt)):
                _lost(site, f"attempt {attempt} of {run} began while {running} was at work")
            if running is None and attempt != begun[run] + 1:
                _lost(site, f"attempt {attempt} of {run} followed attempt {begun[run]}")
            running, begun[run] = (run, attempt), attempt
        elif running and running[0] == run:
            running = None
    for run in site.server.rows("select id::text, attempt from public.runs where project_id = %s", project_id):
        if begun.get(run["id"], run["attempt"]) != run["attempt"]:
            _lost(site, f"run {run['id']} counts {run['attempt']} attempts, its history {begun[run['id']]}")
        site.figures.checked["attempts"] += run["attempt"]


def check_versions(site: Site, project_id: str) -> None:
    """Versions are 0, 1, 2 … in a tree, each named by the result of exactly one completed run, with all its records."""
    models = site.server.rows(
        "select version, parent_version, run_id, promoted from public.gaussian_splat_models"
        " where project_id = %s order by version",
        project_id,
    )
    versions = [model["version"] for model in models]
    if versions != list(range(len(versions))):
        _lost(site, f"project {project_id} has the versions {versions}")
    if models and sum(model["promoted"] for model in models) != 1:
        _lost(site, f"project {project_id} has {sum(model['promoted'] for model in models)} promoted versions")
    named: list[int] = []
    for run in _runs(site, project_id, "completed"):
        result = run["result"]
        if run["step"] == "generate":
            named.append(result["version"])
            if (
                len(_of(site, "depth_maps", run)) != len(_of(site, "multiview_generation", run))
                or not result["views_generated"]
            ):
                _lost(site, f"generate {run['id']} has not one depth map a view")
        elif run["step"] == "refine":
            named += result["versions"]
            rounds = [row["iteration"] for row in _of(site, "enhancement_iterations", run)]
            if sorted(rounds) != list(range(1, len(result["versions"]) + 1)):
                _lost(site, f"refine {run['id']} has the rounds {rounds}")
        elif run["step"] == "export" and len(_of(site, "export_history", run)) != 1:
            _lost(site, f"export {run['id']} has {len(_of(site, 'export_history', run))} files")
    if sorted(named) != versions:
        _lost(site, f"project {project_id} has the versions {versions}, and results name {sorted(named)}")
    site.figures.checked["versions"] += len(versions)


def check_exports(site: Site, project_id: str) -> None:
    """A .splat file has 32 bytes a Gaussian: as many as the version that it was made of."""
    exports = site.server.rows(
        "select a.path, a.bytes, m.num_gaussians from public.export_history e"
        " join public.artifacts a on a.id = e.artifact_id"
        " join public.gaussian_splat_models m on m.project_id = e.project_id and m.version = e.version"
        " where e.project_id = %s and e.format = 'splat'",
        project_id,
    )
    for export in exports:
        if export["bytes"] != 32 * export["num_gaussians"]:
            _lost(
                site, f"the export {export['path']} holds {export['bytes'] / 32} of {export['num_gaussians']} Gaussians"
            )


def check_ended(site: Site, project_id: str) -> None:
    """Nothing waits or works any more: no run, no job, no process, no folder of a completed run."""

    def left() -> list[str]:
        runs = site.server.rows(
            "select id, status from public.runs where status in ('queued', 'running') and project_id = %s", project_id
        )
        jobs = site.server.rows(
            "select id, status from jobs.procrastinate_jobs where status in ('todo', 'doing') and lock = %s", project_id
        )
        works = _runs(site, project_id, "completed")
        folders = [
            folder
            for run in works
            for folder in (site.worker.home / "work").glob(str(run["continues_id"] or run["id"]))
        ]
        steps = [process for process in site.watch.processes() if CHILD in process.words]
        return [
            *(f"run {run['id']} is {run['status']}" for run in runs),
            *(f"job {job['id']} is {job['status']}" for job in jobs),
            *(f"a folder {folder.name} remains" for folder in folders),
            *(f"process {step.pid} works on" for step in steps),
        ]

    deadline = time.monotonic() + SETTLED_S
    while found := left():
        if time.monotonic() > deadline:
            for one in found:
                _lost(site, one)
            return
        time.sleep(0.2)


def fetch(site: Site, client: httpx.Client, bucket: str, key: str) -> bytes | None:
    """An object's bytes from the server itself; None where there is none."""

    def ask() -> bytes | None:
        secret = site.server.connections.secret_key
        answer = client.get(
            f"{site.server.url}/storage/v1/object/{bucket}/{key}", headers={"Authorization": f"Bearer {secret}"}
        )
        if answer.status_code >= 500:
            raise httpx.ConnectError(answer.text)
        return answer.content if answer.is_success else None

    return patiently(ask, *AWAY)


def _still_there(site: Site, artifact_id: object) -> bool:
    """A row that was there when all were read may rightly be gone, with its object, when that is looked for."""
    return bool(site.server.rows("select id from public.artifacts where id = %s and removed_at is null", artifact_id))


def _runs(site: Site, project_id: str, status: str) -> list[dict[str, Any]]:
    return site.server.rows("select * from public.runs where project_id = %s and status = %s", project_id, status)


def _of(site: Site, table: str, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows that a run, or one that it goes on from, made."""
    return site.server.rows(
        f"select t.* from public.{table} t join public.runs r on r.id = t.run_id"  # noqa: S608 - our own names
        " where coalesce(r.continues_id, r.id) = %s",
        run["continues_id"] or run["id"],
    )


def _lost(site: Site, what: str) -> None:
    if what not in site.figures.lost:
        site.figures.lost.append(what)
