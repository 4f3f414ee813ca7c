"""What a worker process tells of itself and of the runs it carries."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.execution.house import House
from tests.worker.helper import start_worker

from maquette.db import run_logs, workers
from maquette.db.rows import Row
from maquette.settings import Connections


async def living(house: House, process_id: int) -> Row | None:
    async with house.pool.connection() as conn:
        return next((row for row in await workers.alive(conn) if row["process_id"] == process_id), None)


async def test_a_worker_tells_that_it_lives_whose_lines_it_logs_and_what_a_step_said_last(
    house: House, folder: Path, storage: Connections, tmp_path: Path
) -> None:
    await house.end_everything()
    await house.with_version(folder)
    worker = start_worker(storage, tmp_path / "machine")
    try:
        # Parameters that the API would have refused: the step's process prints why it fails.
        run = await house.queue("export", {"version": 0, "format": "ply", "optimize": "perhaps"})
        ended = await house.until(run["id"], "failed", "completed")
        assert ended["status"] == "failed"
        row = await living(house, worker.process.pid)
        assert row is not None and row["queues"] == ["cpu"] and row["gpu_name"] is None
        assert f"maquette.worker.carry: [{str(run['id'])[:8]}] run {run['id']}: export, attempt 1" in worker.log
        async with house.pool.connection() as conn:
            kept = await run_logs.read(conn, run["id"])
        assert kept is not None and kept["attempt"] == 1
        lines = kept["lines"]
        assert "failed: internal_error" in lines[0] and lines[1].startswith("Traceback")
        assert any("perhaps" in line for line in lines)
        assert any('File "…/maquette/' in line for line in lines)
        assert not any(private in line for line in lines for private in (str(tmp_path), str(Path.cwd()), sys.prefix))
    finally:
        await asyncio.to_thread(worker.stop)
    assert await living(house, worker.process.pid) is None
