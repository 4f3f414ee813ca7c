"""What is finished is not done again: after a worker is lost with its machine, and after a cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.execution.house import House, model_record, noise_jpeg, views_record
from tests.worker.helper import WorkerProcess, start_worker

from maquette.db import runs
from maquette.db.rows import Row
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.execution.saved_work import drop_unnamed, save_work, snapshot
from maquette.queue.jobs import enqueue
from maquette.recon.synthetic import make_capture
from maquette.settings import Connections
from maquette.steps.folder import Folder
from maquette.storage import keys

TRAINING = {"preset": "fastest", "iterations": 3000, "long_side": 160, "max_gaussians": 4000, "seed": 0}
ROUNDS = 6


@pytest.fixture
def start(storage: Connections, tmp_path: Path) -> Iterator[Callable[[str], WorkerProcess]]:
    """Starts workers by the name of their machine; all are gone afterwards."""
    started: list[WorkerProcess] = []

    def make(machine: str) -> WorkerProcess:
        started.append(start_worker(storage, tmp_path / machine, save_work_every_s=0.5, retry_wait_factor=0))
        return started[-1]

    yield make
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture
async def placed(house: House, folder: Path, tmp_path: Path) -> Row:
    """A generate in line whose cameras an earlier attempt has kept."""
    await house.end_everything()
    await house.upload(tmp_path / "upload", {f"{seed}.jpg": noise_jpeg(seed) for seed in range(8)})
    async with house.pool.connection() as conn:
        await runs.create(conn, house.project["id"], "generate", parameters=TRAINING, input_hash="same")
    (run,) = await house.rows(
        "select * from public.runs where project_id = %s and step = 'generate'", house.project["id"]
    )
    async with house.pool.connection() as conn:
        started = await runs.start(conn, run["id"])
    assert started is not None
    await (await Keeper.open(house.pool, house.objects, started, folder)).keep(views_record(Folder(folder)))
    async with house.pool.connection() as conn:
        again = await runs.requeue(conn, run["id"], started["attempt"], {"code": "worker_lost"})
        assert again is not None
        await enqueue(conn, again)
    return run


async def iterations(house: House, run: Row, attempt: int) -> list[int]:
    """The iterations that an attempt told of, in order."""
    events = await house.rows(
        "select payload from public.events where run_id = %s and payload ->> 'stage' = 'training' order by seq",
        run["id"],
    )
    told = [event["payload"]["message"] for event in events if event["payload"]["attempt"] == attempt]
    return [int(one.partition("/")[0].removeprefix("iteration ")) for one in told if one.startswith("iteration ")]


async def test_training_goes_on_from_its_newest_checkpoint_on_another_machine(
    house: House, placed: Row, start: Callable[[str], WorkerProcess]
) -> None:
    first = start("one")
    saved: list[Row] = []
    async with asyncio.timeout(60):
        while not saved:
            await asyncio.sleep(0.1)
            saved = await house.rows(
                "select * from public.artifacts where run_id = %s and kind = 'saved_work'", placed["id"]
            )
    first.kill()
    assert sorted(Path(one["path"]).name for one in saved) == ["checkpoint.npz", "losses.json", "work.json"]
    start("two")
    ended = await house.until(placed["id"], "completed", "failed", seconds=120)
    assert ended["status"] == "completed", ended["error"]
    assert ended["failures"]["worker_lost"] == 2 and ended["attempt"] == 3
    resumed = await iterations(house, placed, 3)
    assert resumed and resumed[0] > 500, "it began again"
    (model,) = await house.rows("select iterations from public.gaussian_splat_models where run_id = %s", placed["id"])
    assert model["iterations"] == 3000
    left = await house.rows(
        "select 1 from public.artifacts where project_id = %s and kind = 'saved_work'", house.project["id"]
    )
    assert left == [], "checkpoints of work that is done stay behind"
    assert [key async for key in house.objects.walk("3d-models", f"{house.project['id']}/work")] == []


async def test_what_a_broken_off_saving_left_goes_with_the_work(house: House, placed: Row, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(b"some")
    project_id = house.project["id"]
    later = keys.saved_work(project_id, keys.maker(placed["id"], 3), 1, path.name)
    theirs = keys.saved_work(project_id, keys.maker(uuid4(), 1), 1, path.name)
    for key in (
        keys.saved_work(project_id, keys.maker(placed["id"], 1), 7, path.name),
        keys.training_preview(project_id, keys.maker(placed["id"], 2), 3),
        later,
        theirs,
    ):
        await house.objects.upload("3d-models", key, path, "application/octet-stream")
    await drop_unnamed(house.pool, house.objects, {**placed, "attempt": 2})
    left = {key async for key in house.objects.walk("3d-models", keys.works(project_id))}
    assert left == {later, theirs}, "an attempt that has taken over goes on from what it saves"


async def test_a_checkpoint_that_storage_lost_only_costs_its_time(house: House, placed: Row, tmp_path: Path) -> None:
    async with house.pool.connection() as conn:
        started = await runs.start(conn, placed["id"])
    assert started is not None
    training = Folder(tmp_path / "first").training
    training.mkdir(parents=True)
    for name in ("work.json", "checkpoint.npz"):
        (training / name).write_bytes(name.encode())
    files = snapshot(Folder(tmp_path / "first"), tmp_path / "snapshot")
    await save_work(house.pool, house.objects, started, files, 1)
    again = await house.again(started)
    kept = Folder(tmp_path / "kept")
    await fill_folder(house.pool, house.objects, again, kept.root)
    assert (kept.training / "checkpoint.npz").read_bytes() == b"checkpoint.npz"

    there = [key async for key in house.objects.walk("3d-models", keys.works(house.project["id"]))]
    await house.objects.remove("3d-models", [key for key in there if key.endswith(".npz")])
    lost = Folder(tmp_path / "lost")
    await fill_folder(house.pool, house.objects, again, lost.root)
    assert [path.name for path in lost.training.iterdir()] == ["work.json"]


async def test_a_cancelled_run_is_gone_on_with_where_it_was(
    house: House, placed: Row, start: Callable[[str], WorkerProcess]
) -> None:
    worker = start("one")
    async with asyncio.timeout(60):
        while not await iterations(house, placed, 2) or (await iterations(house, placed, 2))[-1] < 800:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    async with house.pool.connection() as conn:
        await runs.request_cancel(conn, placed["id"])
    cancelled = await house.until(placed["id"], "cancelled", seconds=10)
    assert cancelled["error"]["code"] == "run_cancelled"

    async with house.pool.connection() as conn:
        first = await runs.to_continue(conn, house.project["id"], "same")
        retried = await runs.create(
            conn, house.project["id"], "generate", parameters=TRAINING, input_hash="same", continues_id=first
        )
        await enqueue(conn, retried)
    assert first == placed["id"]
    ended = await house.until(retried["id"], "completed", "failed", seconds=120)
    assert ended["status"] == "completed", ended["error"]
    assert (await iterations(house, retried, 1))[0] > 500, "it began again"
    views = await house.rows(
        "select distinct run_id from public.multiview_generation where project_id = %s", house.project["id"]
    )
    assert [view["run_id"] for view in views] == [placed["id"]], "the cameras were searched again"
    model = await house.model(ended["result"]["version"])
    assert (model["run_id"], model["view_run_id"]) == (retried["id"], placed["id"])
    async with house.pool.connection() as conn:
        assert await runs.to_continue(conn, house.project["id"], "same") is None, "it is done"
    async with asyncio.timeout(10):
        while list((worker.home / "work").iterdir()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_refine_goes_on_with_the_rounds_that_a_cancelled_one_kept(
    house: House, folder: Path, start: Callable[[str], WorkerProcess]
) -> None:
    await house.end_everything()
    begun = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, begun, folder)
    await keeper.keep(views_record(Folder(folder)))
    # Said to be bad, so that every round is a gain and none of them ends the refine.
    await keeper.keep(model_record(Folder(folder), 0, psnr=2.0))
    await house.finish(begun)
    asked = {"from_version": 0, "num_iterations": ROUNDS, "steps_per_iteration": 150, "convergence_threshold": 0}
    start("one")
    run = await house.queue("refine", asked)
    async with asyncio.timeout(60):
        while not (  # noqa: ASYNC110
            kept := await house.rows(
                "select version from public.gaussian_splat_models where run_id = %s order by version", run["id"]
            )
        ):
            await asyncio.sleep(0.02)
    async with house.pool.connection() as conn:
        await runs.request_cancel(conn, run["id"])
    await house.until(run["id"], "cancelled", seconds=10)
    kept = await house.rows(
        "select version, iteration from public.enhancement_iterations where run_id = %s order by version", run["id"]
    )
    assert 1 <= len(kept) < ROUNDS
    async with house.pool.connection() as conn:
        retried = await runs.create(
            conn, house.project["id"], "refine", parameters=asked, continues_id=runs.work_id(run)
        )
        await enqueue(conn, retried)
    ended = await house.until(retried["id"], "completed", "failed", seconds=60)
    assert ended["status"] == "completed", ended["error"]
    done = ended["result"]["iterations_completed"]
    assert done == ROUNDS or (ended["result"]["converged"] and done >= len(kept))
    rounds = await house.rows(
        "select version, iteration, run_id from public.enhancement_iterations where project_id = %s order by version",
        house.project["id"],
    )
    assert [(one["version"], one["iteration"]) for one in rounds] == [(n, n) for n in range(1, done + 1)]
    assert [one["run_id"] for one in rounds] == [run["id"]] * len(kept) + [retried["id"]] * (done - len(kept))
    assert ended["result"]["versions"] == list(range(1, done + 1))


async def test_a_cancel_inside_the_camera_search_ends_it_and_the_photos_stay(
    house: House, tmp_path: Path, start: Callable[[str], WorkerProcess]
) -> None:
    await house.end_everything()
    make_capture(tmp_path / "photos", views=8, width=320, height=240)
    photos = {path.name: path.read_bytes() for path in sorted((tmp_path / "photos").iterdir())}
    await house.upload(tmp_path / "upload", photos)
    start("one")
    run = await house.queue("generate", TRAINING)
    async with asyncio.timeout(60):
        while (now := await house.run(run["id"]))["stage"] not in ("features", "matching", "mapping"):
            assert now["status"] in ("queued", "running") and now["stage"] != "training", now["stage"]
            await asyncio.sleep(0.02)
    async with house.pool.connection() as conn:
        await runs.request_cancel(conn, run["id"])
    await house.until(run["id"], "cancelled", seconds=10)
    usable = await house.rows(
        "select 1 from public.source_images where project_id = %s and verdict <> 'rejected'", house.project["id"]
    )
    assert len(usable) == len(photos)
    following = await house.queue("generate", {**TRAINING, "iterations": 50})
    assert (await house.until(following["id"], "completed", "failed"))["status"] == "completed"
