"""How a training under way looks, over HTTP."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import httpx

from maquette.db.connection import open_pool
from maquette.execution.training_previews import save_preview
from maquette.settings import Connections
from maquette.steps.records import Preview
from maquette.storage.client import Objects


async def show(connections: Connections, run: dict[str, Any], folder: Path) -> None:
    """As a worker does it."""
    preview = Preview(view_index=0, iteration=7, iterations=20, psnr=21.5, width=4, height=3, picture=b"a picture")
    async with open_pool(connections.database_url) as pool, Objects.open(connections) as objects:
        await save_preview(pool, objects, run, preview, 1, folder)


def test_a_run_shows_a_render_beside_its_photo(
    api: httpx.Client, worker: Any, connections: Connections, generated: str, tmp_path: Path
) -> None:
    run_id = api.post(f"/refine/{generated}", json={"from_version": 0}).raise_for_status().json()["run_id"]
    assert api.get(f"/runs/{run_id}/preview").json() == {"run_id": run_id, "preview": None}
    worker.start(run_id)
    [run] = worker.sql("select * from public.runs where id = %s", run_id)
    asyncio.run(show(connections, {**run, "parameters": {"from_version": 0}}, tmp_path))
    shown = api.get(f"/runs/{run_id}/preview").raise_for_status().json()["preview"]
    assert (shown["iteration"], shown["iterations"], shown["psnr"], shown["attempt"]) == (7, 20, 21.5, 1)
    assert (shown["view_index"], shown["split"]) == (0, "held_out")
    assert httpx.get(shown["render_url"], trust_env=False).content == b"a picture"
    assert httpx.get(shown["photo_url"], trust_env=False).content.startswith(b"view0.jpg")
    [event] = [e for e in api.get(f"/projects/{generated}/events").json()["items"] if e["type"] == "preview"]
    assert event["run_id"] == run_id and event["payload"]["iteration"] == 7


def test_an_unknown_run(api: httpx.Client) -> None:
    answer = api.get(f"/runs/{uuid.uuid4()}/preview")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "run_not_found"
