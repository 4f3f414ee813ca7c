"""Uploads: all or nothing, numbered on, copies left out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.execution.house import House, noise_jpeg

from maquette.db.projects import ProjectNotFoundError
from maquette.execution.uploads import StepFailedError
from maquette.storage.client import Objects, StorageRefusedError

IMAGES = "select * from public.source_images where project_id = %s order by image_index"


async def test_a_second_upload_numbers_on_and_leaves_copies_out(house: House, tmp_path: Path) -> None:
    first = await house.upload(tmp_path / "a", {"a.jpg": noise_jpeg(1), "b.jpg": noise_jpeg(2)})
    second = await house.upload(tmp_path / "b", {"again.jpg": noise_jpeg(2), "c.jpg": noise_jpeg(3)})
    assert (first["status"], second["status"]) == ("completed", "completed")
    assert (second["result"]["images"], second["result"]["usable"]) == (2, 1)
    verdicts = [[reason["code"] for reason in run["result"]["capture"]["reasons"]] for run in (first, second)]
    assert "too_few_photos" in verdicts[0] and "too_few_photos" not in verdicts[1], "the set is the project's"
    images = await house.rows(IMAGES, house.project["id"])
    assert [image["image_index"] for image in images] == [0, 1, 2, 3]
    assert [image["verdict"] == "rejected" for image in images] == [False, False, True, False]
    assert images[2]["reasons"][0]["code"] == "duplicate" and "b.jpg" in images[2]["reasons"][0]["message"]
    usable = [image for image in images if image["verdict"] != "rejected"]
    keys = {
        row["path"]: row["id"]
        for row in await house.rows(
            "select id, path from public.artifacts where project_id = %s and kind = 'processed'", house.project["id"]
        )
    }
    assert len({image["processed_artifact_id"] for image in usable}) == 3
    assert {image["processed_artifact_id"] for image in usable} <= set(keys.values())


async def test_files_that_are_no_photos_change_nothing(house: House, tmp_path: Path) -> None:
    with pytest.raises(StepFailedError) as refused:
        await house.upload(tmp_path / "a", {"notes.txt": b"not a picture"})
    assert (refused.value.code, refused.value.status) == ("no_usable_photos", 422)
    assert refused.value.suggestion
    assert await house.rows(IMAGES, house.project["id"]) == []
    assert await house.rows("select 1 from public.runs where project_id = %s", house.project["id"]) == []


async def test_storage_that_refuses_leaves_the_project_as_it_was(house: House, tmp_path: Path) -> None:
    wrong = replace(house.connections, secret_key="not-the-key")
    async with Objects.open(wrong) as house.objects:
        with pytest.raises(StorageRefusedError):
            await house.upload(tmp_path / "a", {"a.jpg": noise_jpeg(1)})
    assert await house.rows(IMAGES, house.project["id"]) == []
    assert await house.rows("select 1 from public.runs where project_id = %s", house.project["id"]) == []


async def test_a_project_deleted_meanwhile_leaves_no_object(house: House, tmp_path: Path) -> None:
    project = house.project
    async with house.pool.connection() as conn:
        # As a delete that began before the upload and ends while it waits for the project's row.
        await conn.execute("delete from public.projects where id = %s", [project["id"]])
        upload = asyncio.create_task(house.upload(tmp_path / "a", {"a.jpg": noise_jpeg(1)}))
        stored: list[str] = []
        while len(stored) < 2:
            assert not upload.done()
            await asyncio.sleep(0.05)
            stored = [key async for key in house.objects.walk("project-uploads", str(project["id"]))]
            stored += [key async for key in house.objects.walk("processed-images", str(project["id"]))]
    with pytest.raises(ProjectNotFoundError):
        await upload
    for bucket in ("project-uploads", "processed-images"):
        assert [key async for key in house.objects.walk(bucket, str(project["id"]))] == []
