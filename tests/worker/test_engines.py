"""Another engine's work through the worker: kept, recorded under its name, and read again for an export by a third."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.execution.house import House, noise_jpeg, views_record
from tests.steps.engines.programs import argv_of, example
from tests.steps.engines.test_compression import PACKS

from maquette.db import runs
from maquette.execution.keeper import Keeper
from maquette.settings import Settings
from maquette.steps.folder import Folder
from maquette.worker.carry import carry_out
from maquette.worker.services import open_services

WANTED = {"preset": "fastest", "long_side": 160, "engine": "command"}


async def test_what_an_engine_made_is_kept_under_its_name(house: House, folder: Path, tmp_path: Path) -> None:
    await house.end_everything()
    await house.upload(tmp_path / "upload", {f"{seed}.jpg": noise_jpeg(seed) for seed in range(8)})
    settings = Settings(
        home=house.settings.home,
        engine_command=argv_of(example(), tmp_path / "programs" / "points.py"),
        fcgs_command=argv_of(PACKS, tmp_path / "programs" / "packs.py"),
    )
    services = replace(await open_services(house.settings, house.pool, house.objects), settings=settings)
    async with house.pool.connection() as conn:
        run = await runs.create(conn, house.project["id"], "generate", parameters=WANTED)
        started = await runs.start(conn, run["id"])
    assert started is not None
    await (await Keeper.open(house.pool, house.objects, started, folder)).keep(views_record(Folder(folder)))
    async with house.pool.connection() as conn:
        await runs.requeue(conn, run["id"], started["attempt"], {"code": "worker_lost"})

    await carry_out(services, run["id"])
    ended = await house.run(run["id"])
    assert ended["status"] == "completed", ended["error"]
    model = await house.model(0)
    engine = model["details"]["engine"]
    assert (engine["name"], engine["version"]) == ("command", "1.0") and ended["result"]["engine"] == engine
    assert model["psnr"] is not None and not ended["degraded"]

    export = await house.queue("export", {"format": "fcgs", "version": 0})
    await carry_out(services, export["id"])
    ended = await house.run(export["id"])
    assert ended["status"] == "completed", ended["error"]
    (row,) = await house.rows("select * from public.export_history where run_id = %s", export["id"])
    assert row["format"] == "fcgs" and row["details"]["engine"]["name"] == "fcgs"
    assert row["measured_loss"]["loss_psnr_db"] == 0
    told = json.dumps([model, ended, row], default=str)
    assert str(tmp_path) not in told and "points.py" not in told, "no path of the machine stands in a record"
