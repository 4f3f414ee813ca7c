"""Make the ready sample: photograph our still life, take it through the real steps of a real server, keep the bundle.

    .venv/bin/python tools/make_sample.py [PHOTOS]

Writes the bundle that ships with the package, and the poster and figures that the page shows before it is opened.
``PHOTOS``: a folder of the photos, where they were made before. Takes some ten minutes on two cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from PIL import Image

from maquette.db import retention
from maquette.db.connection import open_pool
from maquette.execution.bundles import manifest_of
from maquette.execution.sample import SAMPLE
from maquette.recon.bundle import BundleWriter, Manifest
from maquette.recon.synthetic.still_life import make_still_life
from maquette.retention.intermediates import KINDS
from maquette.settings import Settings, resolve_connections
from maquette.storage.client import Objects

NAME = "Still life (sample)"
GENERATE = {"preset": "fastest", "max_gaussians": 7000, "sh_degree": 0, "seed": 1}
"""The paints are dull, so one colour a Gaussian is enough; each degree more would double the file."""
REFINE = {"num_iterations": 2, "convergence_threshold": 0, "enhancement": "none"}
EXPORTS = ({"format": "splat"}, {"format": "spz"})
STAYS = ("depth_map", "depth_heatmap")
"""Of the intermediates that retention would take; the page shows these."""
PAGE = Path(__file__).parents[1] / "frontend" / "src" / "projects"
POSTER_WIDTH = 720


def main() -> None:
    """Make it, and say how large and how good it is."""
    with tempfile.TemporaryDirectory(prefix="maquette-sample-") as name:
        folder = Path(name)
        photos = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "photos"
        if len(sys.argv) == 1:
            photos.mkdir()
            make_still_life(photos, progress=lambda stage, fraction, message="": print(stage, message, flush=True))
        settings = Settings(home=folder / "home", port=_free_port())
        with _serving(settings) as api:
            project_id = _through_all_steps(api, sorted(photos.glob("*.jpg")))
            asyncio.run(_write(settings, UUID(project_id)))
            _tell(api, project_id)
    print(f"{SAMPLE}: {SAMPLE.stat().st_size / 1e6:.2f} MB")


def _through_all_steps(api: httpx.Client, photos: list[Path]) -> str:
    project_id = str(api.post("/projects", json={"name": NAME}).raise_for_status().json()["id"])
    files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in photos]
    api.post("/upload", data={"project_id": project_id, "preset": "fastest"}, files=files).raise_for_status()
    _follow(api, api.post(f"/generate/{project_id}", json=GENERATE))
    _follow(api, api.post(f"/refine/{project_id}", json=REFINE))
    for wanted in EXPORTS:
        _follow(api, api.post(f"/export/{project_id}", json=wanted))
    return project_id


def _follow(api: httpx.Client, answer: httpx.Response) -> None:
    run_id = answer.raise_for_status().json()["run_id"]
    while (run := api.get(f"/runs/{run_id}").raise_for_status().json())["status"] in ("queued", "running"):
        time.sleep(0.5)
    print(run["step"], run["status"], [one["code"] for one in run.get("warnings") or []], flush=True)
    if run["status"] != "completed":
        raise SystemExit(json.dumps(run["error"], indent=1))


async def _write(settings: Settings, project_id: UUID) -> None:
    """The bundle, without what retention takes from a project that nobody touches: it can be refined all the same."""
    connections = resolve_connections(settings)
    gone_kinds = [kind for kind in KINDS if kind not in STAYS]
    async with (
        open_pool(connections.database_url, max_size=1, application_name="make-sample") as pool,
        Objects.open(connections, timeout_s=60) as objects,
    ):
        async with pool.connection() as conn:
            manifest = await manifest_of(conn, project_id, light=False)
            gone = {str(row["id"]) for row in await retention.intermediates(conn, project_id, gone_kinds, limit=None)}
        for artifact in manifest.tables["artifacts"]:
            if artifact["id"] in gone:
                artifact["removed_at"] = manifest.made_at
        await _pack(objects, manifest)


async def _pack(objects: Objects, manifest: Manifest) -> None:
    there = {one["sha256"]: one for one in manifest.tables["artifacts"] if one["removed_at"] is None}
    manifest.objects.clear()
    manifest.objects.update({digest: one["bytes"] for digest, one in there.items()})
    SAMPLE.parent.mkdir(exist_ok=True)
    with BundleWriter(SAMPLE) as writer, tempfile.TemporaryDirectory() as beside:
        for digest, artifact in there.items():
            fetched = Path(beside) / digest
            await objects.download(artifact["bucket"], artifact["path"], fetched)
            writer.add(digest, fetched)
            print(f"{artifact['kind']:20} {artifact['bytes']:9}", flush=True)
        writer.finish(manifest)


def _tell(api: httpx.Client, project_id: str) -> None:
    """What the page shows of the sample before it is opened: the promoted version as rendered from a photo's place."""
    models = api.get(f"/projects/{project_id}/models").raise_for_status().json()["items"]
    best = next(model for model in models if model["promoted"])
    images = api.get(f"/projects/{project_id}/images", params={"limit": 500}).raise_for_status().json()["items"]
    path = f"/projects/{project_id}/models/{best['version']}/render"
    rendered = api.get(path, params={"view": 0, "width": POSTER_WIDTH, "format": "png"}).raise_for_status()
    with Image.open(BytesIO(rendered.content)) as picture:
        picture.convert("RGB").save(PAGE / "sample.webp", "WEBP", quality=82, method=6)
        width, height = picture.size
    told: dict[str, Any] = {
        "name": NAME,
        "photos": len(images),
        "versions": len(models),
        "psnr": round(best["psnr"], 2),
        "width": width,
        "height": height,
    }
    (PAGE / "sample.json").write_text(json.dumps(told, indent=2) + "\n")
    for model in models:
        print(f"v{model['version']}: held-out PSNR {model['psnr']:.2f} dB SSIM {model['ssim']:.3f}")


@contextmanager
def _serving(settings: Settings) -> Iterator[httpx.Client]:
    """A server of its own, and a client of it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SUPABASE_", "DATABASE_URL"))}
    environment |= {"MAQUETTE_HOME": str(settings.home), "MAQUETTE_LOG_LEVEL": "warning"}
    process = subprocess.Popen(
        [sys.executable, "-m", "maquette.cli", "serve", "--port", str(settings.port)], env=environment
    )
    try:
        with httpx.Client(base_url=f"{settings.server_url}/api/v1", timeout=600, trust_env=False) as api:
            deadline = time.monotonic() + 180
            while not _answers(api):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("The server did not start; the lines above say why.")
                time.sleep(0.3)
            yield api
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _answers(api: httpx.Client) -> bool:
    try:
        return api.get("/ready").is_success
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
