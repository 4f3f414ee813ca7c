"""Tries the images: one alone, then API and worker on another's embedded stack as if that were a Supabase project."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
from building import Builder
from container import Container, running

OWNER = "00000000-0000-4000-8000-000000000001"
"""The embedded stack's only user (embedded/sql)."""
VILLAGE = """
from pathlib import Path
from maquette.recon.synthetic import make_capture
make_capture(Path("/data/photos"), views=16, width=480, height=360)
"""


def start(
    builder: Builder,
    image: str,
    name: str,
    environment: Mapping[str, str],
    command: Sequence[str] | None = None,
    *,
    init: bool = True,
) -> AbstractContextManager[Container]:
    """A container with a folder of its own."""
    data = builder.work / "data" / name
    return running(image, builder.open(image), builder.settings_of(image), data, environment, command, init=init)


def try_all(builder: Builder, image: str) -> None:
    """Everything in one: refuses to start open to the world, starts, survives being killed, ends when told to."""
    shutil.rmtree(builder.work / "data", ignore_errors=True)
    with start(builder, image, "open", {"MAQUETTE_PORT": free_port()}) as refused:
        expect(refused.process.wait(120) == 1, "without keys it does not start", refused.log)
        expect("api_keys_needed" in refused.log.read_text(), "and says why", refused.log)
    key = secrets.token_hex(32)
    environment = {"MAQUETTE_PORT": free_port(), "MAQUETTE_API_KEYS": key}
    with start(builder, image, "all", environment) as first:
        say(f"all: healthy after {first.wait_healthy():.1f} s, the database made")
        sealed(first)
        server = f"http://127.0.0.1:{environment['MAQUETTE_PORT']}"
        expect(b"<!doctype html>" in fetch(server, None)[:200].lower(), "the page is there", first.log)
        project = json.loads(fetch(f"{server}/api/v1/projects", key, {"name": "kept"}))["id"]
        first.kill()
    with start(builder, image, "all", environment) as again:
        say(f"all: killed and made anew on its volume, healthy after {again.wait_healthy():.1f} s")
        expect(project.encode() in fetch(f"{server}/api/v1/projects", key), "its project is still there", again.log)
        ended(again)
    # As an orchestrator does that names the command and so leaves the entry point out.
    with start(builder, image, "all", environment, init=False) as alone:
        say(f"all: as process 1 itself, healthy after {alone.wait_healthy():.1f} s")
        ended(alone)


def try_beside_supabase(builder: Builder, images: Mapping[str, str], photos: Path | None) -> None:
    """Upload, generate and export through an API and a worker that have nothing but the variables of a project."""
    project = {"MAQUETTE_PORT": free_port(), "MAQUETTE_API_KEYS": secrets.token_hex(32)}
    with start(builder, images["all"], "project", project, ["maquette", "serve", "--workers", "0"]) as supabase:
        supabase.wait_healthy()
        stack = json.loads((builder.work / "data/project/run/stack.json").read_text())
        key = secrets.token_hex(32)
        environment = {
            "SUPABASE_URL": stack["supabase_url"],
            "SUPABASE_SECRET_KEY": stack["secret_key"],
            "SUPABASE_PUBLISHABLE_KEY": stack["publishable_key"],
            "SUPABASE_JWT_SECRET": stack["jwt_secret"],
            "DATABASE_URL": stack["database_url"],
            "MAQUETTE_PORT": free_port(),
            "MAQUETTE_API_KEYS": f"{OWNER}:{key}",
        }
        with start(builder, images["api"], "migrate", environment, ["maquette", "db", "migrate"]) as migrate:
            expect(migrate.process.wait(120) == 0, "maquette db migrate", migrate.log)
        with start(builder, images["api"], "check", environment, ["maquette", "db", "check"]) as check:
            expect(check.process.wait(120) == 0, "maquette db check", check.log)
        with (
            start(builder, images["api"], "api", environment) as api,
            start(builder, images["worker-cpu"], "worker", environment) as worker,
        ):
            say(f"api: healthy after {api.wait_healthy():.1f} s")
            sealed(api)
            sealed(worker)
            expect(not (builder.work / "data/api/postgres").exists(), "the API brings no database up", api.log)
            take_photos_through(builder, images, api, key, photos)
            ended(worker)
            ended(api)
        ended(supabase)


def take_photos_through(
    builder: Builder, images: Mapping[str, str], api: Container, key: str, photos: Path | None
) -> None:
    """The journey by the client's own commands, in the API's container, where engine and meshing are left out."""
    here = builder.work / "data/api/photos"
    if photos:
        shutil.copytree(photos, here)
    else:
        with start(builder, images["worker-cpu"], "village", {}, ["python", "-c", VILLAGE]) as village:
            expect(village.process.wait(900) == 0, "photos are made", village.log)
        shutil.copytree(builder.work / "data/village/photos", here)
    as_client = {"MAQUETTE_SERVER": f"http://127.0.0.1:{api.environment['MAQUETTE_PORT']}", "MAQUETTE_API_KEY": key}

    def maquette(*arguments: str) -> str:
        done = api.run("maquette", *arguments, environment=as_client)
        expect(done.returncode == 0, f"maquette {' '.join(arguments[:1])}", api.log, done.stdout + done.stderr)
        return done.stdout.strip()

    project = maquette("upload", "/data/photos", "--name", "Containers")
    maquette("generate", project, "--preset", "fastest", "--set", "long_side=240")
    for form in ("ply", "glb", "colmap"):
        maquette("export", project, "--format", form, "--out", f"/data/model.{form}")
    server = f"{as_client['MAQUETTE_SERVER']}/api/v1"
    picture = fetch(f"{server}/projects/{project}/models/0/render?view=0&width=160&format=png", key)
    expect(picture.startswith(b"\x89PNG"), "the API draws a picture", api.log)
    # Cameras that are known already are read by the API, with COLMAP's own library.
    with ZipFile(builder.work / "data/api/model.colmap") as archive:
        expect(any(name.endswith("cameras.bin") for name in archive.namelist()), "cameras go out", api.log)
    (builder.work / "data/api/model.colmap").rename(builder.work / "data/api/posed.zip")
    say(f"posed photos taken in: {maquette('upload', '/data/posed.zip', '--name', 'Posed')}")
    say(maquette("status", project))


def sealed(container: Container) -> None:
    """Nothing but the volume and /tmp can be written, and there is no right of root to be had."""
    status = container.run("cat", "/proc/self/status").stdout
    expect("CapBnd:\t0000000000000000" in status and "NoNewPrivs:\t1" in status, "no rights", container.log, status)
    places = {"/": False, "/opt/maquette": False, "/etc": False, "/tmp": True, "/data": True}  # noqa: S108 - the container's
    for place, allowed in places.items():
        written = container.run("sh", "-c", f"touch {place}/probe && rm {place}/probe").returncode == 0
        expect(written == allowed, f"{place} is {'' if allowed else 'not '}writable", container.log)


def ended(container: Container) -> None:
    """Told to stop, it does so by itself."""
    code, seconds = container.stop()
    expect(code == 0, f"{container.image} ends with 0 after {seconds:.1f} s", container.log, f"code {code}")


def expect(held: Any, what: str, log: Path, more: str = "") -> None:
    """Say what was proved, or stop with what the container said."""
    if not held:
        raise RuntimeError(f"not so: {what}\n{more[-3000:]}\n{log.read_text()[-4000:]}")
    say(f"  {what}")


def say(text: str) -> None:
    """At once, for these runs are long."""
    print(text, flush=True)


def fetch(address: str, key: str | None, body: Mapping[str, Any] | None = None) -> bytes:
    """A call of the API, or of the page."""
    headers = {"X-API-Key": key} if key else {}
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, address, json=body, headers=headers, timeout=120, trust_env=False)
    return answer.raise_for_status().content


def free_port() -> str:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
