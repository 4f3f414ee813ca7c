"""The Python client and the commands on it, against a whole server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from maquette.client import ApiError, AsyncClient, Client, RunFailedError, resumable
from maquette.client import operations as flows
from maquette.recon.formats import format_named
from tests.serving import SMALL, Server


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[Client]:
    with Client(server.url, memory=tmp_path / "memory") as client:
        yield client


def maquette(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maquette.cli", *arguments],
        env={**os.environ, "MAQUETTE_SERVER": server.url, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_photos_to_a_file_by_the_client(client: Client, photos: list[Path], tmp_path: Path) -> None:
    told: list[tuple[str, float, str]] = []
    uploaded = client.upload(*photos, name="By client", progress=lambda *words: told.append(words))
    assert len(uploaded.images) == len(photos) and not uploaded.degraded
    assert told[-1][:2] == ("upload", 1.0) and [share for _, share, _ in told] == sorted(share for _, share, _ in told)
    assert "MB/s" in told[0][2]
    run = client.generate(uploaded.project_id, **SMALL)
    assert run.step == "generate" and not run.ended
    told.clear()
    done = client.wait(run, progress=lambda *words: told.append(words))
    assert done.status == "completed" and done.result is not None and done.result["psnr"] > 17
    assert told[-1][1] == 1.0 and any("training" in words for _, _, words in told)
    [model] = client.models(uploaded.project_id)
    assert model.version == 0 and model.promoted and model.psnr == done.result["psnr"]
    made = client.export(uploaded.project_id, format="splat")
    path = client.download(made, tmp_path)
    assert path.stat().st_size == made.bytes
    assert len(format_named("splat").read(path).means) == model.num_gaussians
    seen = []
    for event in client.events(uploaded.project_id):
        seen.append(event.seq)
        if event.type == "export":
            break
    assert seen == list(range(1, len(seen) + 1))
    client.delete_project(uploaded.project_id)
    with pytest.raises(ApiError) as refused:
        client.project(uploaded.project_id)
    assert refused.value.code == "project_not_found" and refused.value.status == 404


async def test_the_same_by_awaiting(server: Server, project: dict[str, Any], tmp_path: Path) -> None:
    project_id = UUID(project["id"])
    async with AsyncClient(server.url, memory=tmp_path) as client:
        assert (await client.project(project_id)).status == "completed"
        assert [model.version for model in await client.models(project_id)]
        path = await client.download(await client.export(project_id, format="splat"), tmp_path / "model.splat")
        assert path.read_bytes()
        async for event in client.events(project_id):
            assert event.seq == 1
            break
        with pytest.raises(ApiError) as refused:
            await client.refine(project_id, num_iterations=0)
        assert refused.value.code == "invalid_parameters"
        made = await client.create_project("Empty")
        with pytest.raises(ApiError) as refused:
            await client.generate(made.id)
        assert refused.value.code == "no_photos"
        await client.delete_project(made.id)


def test_a_run_that_fails_is_an_error(client: Client, photos: list[Path], tmp_path: Path) -> None:
    from PIL import Image

    paths = []
    for index, colour in enumerate(((90, 30, 20), (20, 90, 30), (30, 20, 90))):
        picture = Image.effect_noise((400, 300), 90).convert("RGB")
        picture.paste(Image.new("RGB", (200, 150), colour), (40 * index, 30))
        paths.append(tmp_path / f"{index}.jpg")
        picture.save(paths[-1])
    uploaded = client.upload(*paths)
    with pytest.raises(RunFailedError) as failed:
        client.wait(client.generate(uploaded.project_id, **SMALL))
    assert failed.value.code in ("photos_share_nothing", "too_few_photos_placed") and failed.value.suggestion
    client.delete_project(uploaded.project_id)


class Flaky(httpx.BaseTransport):
    """Breaks the line at one of the parts that it is asked to send."""

    def __init__(self, breaks: dict[int, BaseException]) -> None:
        self._inner = httpx.HTTPTransport()
        self._breaks = breaks
        self.parts: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            self.parts.append(int(request.headers["upload-offset"]))
            broken = self._breaks.pop(len(self.parts), None)
            if broken is not None:
                raise broken
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_a_large_file_goes_on_where_it_was_broken_off(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "LARGE_BYTES", 10_000_000)
    big = tmp_path / "walk.mp4"
    big.write_bytes(os.urandom(15_000_000))
    memory = tmp_path / "memory"
    with Client(server.url, memory=memory) as client:
        # The line breaks at the second part and is mended; the program is killed at the third.
        flaky = Flaky({2: httpx.ReadError("gone"), 4: KeyboardInterrupt()})
        client._bare.close()
        client._bare = httpx.Client(transport=flaky)
        with pytest.raises(KeyboardInterrupt):
            client.upload(big, name="Parts")
        [project_id] = [one.id for one in client.projects() if one.name == "Parts"]
        part = 6 * 1024 * 1024
        assert flaky.parts == [0, part, part, 2 * part]
    assert "signature" not in (memory / "uploads.json").read_text()
    with Client(server.url, memory=memory) as client:
        flaky = Flaky({})
        client._bare.close()
        client._bare = httpx.Client(transport=flaky)
        with pytest.raises(ApiError) as refused:
            client.upload(big, name="Parts")
        # All of it arrived in the same project, and the server says what it thinks of it: random bytes are no video.
        assert flaky.parts == [2 * part]
        assert refused.value.code == "no_usable_photos", refused.value
        with pytest.raises(ApiError, match="no project"):
            client.project(project_id)
    assert (memory / "uploads.json").read_text() == "{}", "nothing is left to go on with"


def test_without_a_place_to_remember_it_begins_anew() -> None:
    memory = resumable.Memory(None)
    memory["a"] = "somewhere"
    assert memory["a"] is None


def test_the_commands(server: Server, project: dict[str, Any], photos: list[Path], tmp_path: Path) -> None:
    made = maquette(server, "upload", *map(str, photos[:3]), "--name", "By command")
    assert made.returncode == 0, made.stderr
    project_id = made.stdout.strip()
    listed = maquette(server, "project", "list")
    assert f"{project_id}" in listed.stdout and "By command" in listed.stdout
    assert maquette(server, "project", "rename", project_id, "Other name").returncode == 0
    shown = json.loads(maquette(server, "project", "show", project_id, "--json").stdout)
    assert shown["name"] == "Other name" and shown["models"] == []
    assert maquette(server, "project", "delete", project_id, "--yes").returncode == 0

    finished = project["id"]
    assert "v0" in maquette(server, "project", "show", finished).stdout
    status = json.loads(maquette(server, "status", finished, "--json").stdout)
    assert status["project"]["status"] == "completed"
    assert "completed" in maquette(server, "status", finished).stdout
    target = tmp_path / "model.splat"
    exported = maquette(server, "export", finished, "--format", "splat", "--out", str(target))
    assert exported.returncode == 0 and exported.stdout.strip() == str(target), exported.stderr
    assert target.stat().st_size % 32 == 0 and target.stat().st_size > 0
    again = maquette(
        server, "generate", finished, "--preset", "fastest", "--set", "iterations=300", "--set", "long_side=240"
    )
    assert again.returncode == 0 and again.stdout.startswith("v0: held-out PSNR"), again.stdout + again.stderr
    watched = maquette(server, "watch", finished, "--until-idle", "--json")
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    wrong = maquette(server, "refine", finished, "--set", "nonsense")
    assert wrong.returncode == 1 and "bad_parameter" in wrong.stderr
    refused = maquette(server, "refine", finished, "--set", "nonsense=1", "--no-wait")
    assert refused.returncode == 1 and "invalid_parameters" in refused.stderr
    nobody = maquette(server, "project", "list", "--server", "http://127.0.0.1:9")
    assert nobody.returncode == 1 and "server_silent" in nobody.stderr
