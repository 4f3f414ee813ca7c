"""A worker that reaches the database through a transaction pooler: no session of its own, no LISTEN."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.db.pooler import transaction_pooler
from tests.execution.house import House

from maquette.db import connection
from maquette.worker.loop import run_worker


async def test_a_worker_takes_its_runs_through_a_transaction_pooler(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await house.end_everything()
    await house.with_version(folder)
    run = await house.queue("export", {"version": 0})
    async with transaction_pooler(house.connections.database_url) as url:
        monkeypatch.setattr(connection, "TRANSACTION_POOLER_PORT", str(urlsplit(url).port))
        working = asyncio.create_task(run_worker(house.settings, replace(house.connections, database_url=url)))
        try:
            ended = await house.until(run["id"], "completed", "failed", seconds=30)
            async with asyncio.timeout(10):
                while await house.rows("select id from jobs.procrastinate_jobs where id = %s", ended["job_id"]):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            working.cancel()
            await asyncio.wait({working})
    assert ended["status"] == "completed", ended["error"]
    assert "out of reach" not in caplog.text
