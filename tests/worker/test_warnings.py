"""Warnings outlive the attempts and runs that gave them, for what those kept is used by the next."""

from __future__ import annotations

from pathlib import Path

from tests.execution.house import House

from maquette.db import runs
from maquette.worker.carry import carry_out
from maquette.worker.services import open_services

DEGRADED = {"code": "turntable_assumed", "message": "m", "suggestion": "", "degraded": True}


async def test_a_run_that_goes_on_tells_what_the_one_before_warned_of(house: House, folder: Path) -> None:
    await house.end_everything()
    await house.with_version(folder)
    first = await house.started("export", {"version": 0})
    async with house.pool.connection() as conn:
        await runs.note_warnings(conn, first["id"], first["attempt"], [DEGRADED])
        cancelled = await runs.finish(conn, first["id"], first["attempt"], "cancelled", error={"code": "run_cancelled"})
        assert cancelled["warnings"] == [DEGRADED]
        second = await runs.create(
            conn, house.project["id"], "export", parameters={"version": 0}, continues_id=first["id"]
        )
    await carry_out(await open_services(house.settings, house.pool, house.objects), second["id"])
    ended = await house.run(second["id"])
    assert ended["status"] == "completed", ended["error"]
    assert ended["warnings"] == [DEGRADED] and ended["degraded"] is True
