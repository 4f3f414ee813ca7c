"""Uploads over a line to storage that fails: what was not acknowledged left nothing, what was is whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from tests.execution.house import noise_jpeg
from tests.faults.invariants import check_objects, check_uploads, check_whole
from tests.faults.site import Site
from tests.faults.uploads import Sent

from maquette.db import projects
from maquette.db.connection import open_pool
from maquette.embedded.compat import LOCAL_OWNER
from maquette.errors import UnavailableError
from maquette.execution.uploads import execute_upload
from maquette.settings import Settings
from maquette.steps.parameters import UploadParameters
from maquette.storage.client import Objects

TROUBLES = (
    ("500", 2, True),
    ("502", 2, True),
    ("close", 2, True),
    ("hold", 1, True),
    ("cut_upload", 2, True),
    ("lost_answer", 2, True),
    # More than a client has patience for.
    ("close", 1000, False),
    ("cut_upload", 1000, False),
)


@pytest.mark.parametrize(("kind", "times", "succeeds"), TROUBLES)
async def test_an_upload_is_taken_in_whole_or_not_at_all(
    site: Site, tmp_path: Path, kind: str, times: int, succeeds: bool
) -> None:
    connections = replace(site.server.connections, supabase_url=site.proxy.url)
    photos = [noise_jpeg(9000 + times), noise_jpeg(9001 + times)]
    folder = tmp_path / "upload"
    (folder / "incoming").mkdir(parents=True)
    for number, photo in enumerate(photos):
        (folder / "incoming" / f"{number:04d}").write_bytes(photo)
    names = [{"file": f"{number:04d}", "filename": f"{number}.jpg"} for number in range(len(photos))]
    (folder / "incoming.json").write_text(json.dumps(names))
    async with open_pool(connections.database_url) as pool, Objects.open(connections, timeout_s=1) as objects:
        async with pool.connection() as conn:
            project = await projects.create(conn, UUID(LOCAL_OWNER), kind)
        trouble = site.proxy.trouble(kind, "POST", "PUT", times=times)
        try:
            run = await execute_upload(
                pool=pool,
                objects=objects,
                settings=Settings(home=tmp_path),
                project=project,
                folder=folder,
                parameters=UploadParameters(),
            )
        except UnavailableError as error:
            assert not succeeds and error.code == "storage_unreachable", error
            assert site.server.rows("select id from public.runs where project_id = %s", project["id"]) == []
        else:
            assert succeeds
            site.uploads.acknowledged += [Sent(str(project["id"]), str(run["id"]), photo) for photo in photos]
        assert trouble.done > 0
    site.proxy.calm()
    site.figures.fault(f"storage {kind}", "upload: on the line")
    check_objects(site, str(project["id"]))
    check_uploads(site)
    check_whole(site, str(project["id"]))
    assert site.figures.lost == []
