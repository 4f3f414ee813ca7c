"""A depth map's row says how its depth was made: by a network and how that was fitted, or from the model and why."""

from __future__ import annotations

from pathlib import Path

from tests.execution.house import House, model_record, views_record
from tests.execution.test_replacements import depth_record

from maquette.api import shapes
from maquette.db import records
from maquette.db.rows import Row
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.steps.folder import Folder

FITTED = {
    "method": "depth-anything-v2-small",
    "confidence": 0.75,
    "scale": 0.125,
    "shift": -0.0625,
    "residual": 0.03125,
    "inlier_share": 0.875,
    "points": 312,
    "details": {"revision": "local", "provider": "cpu"},
}
REFUSED = {"details": {"passed_over": {"code": "depth_not_aligned"}}}


async def listed(house: House, noun: str) -> list[Row]:
    async with house.pool.connection() as conn:
        return (await records.page(conn, noun, house.project["id"], limit=100)).items


async def test_rows_of_both_kinds(house: House, folder: Path, tmp_path: Path) -> None:
    run = await house.started("generate")
    await fill_folder(house.pool, house.objects, run, folder)
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    views = views_record(Folder(folder))
    told = [view.model_copy(update={"details": {"prior": FITTED}}) for view in views.views]
    await keeper.keep(views.model_copy(update={"views": tuple(told)}))
    model = model_record(Folder(folder), 0)
    await keeper.keep(model)
    depth = depth_record(Folder(folder), model, range(2))
    one, other = depth.depth_maps
    both = (one.model_copy(update=FITTED), other.model_copy(update=REFUSED))
    await keeper.keep(depth.model_copy(update={"depth_maps": both}))

    first, second = await listed(house, "depth-maps")
    assert {name: first[name] for name in FITTED} == FITTED
    assert second["method"] == "rendered_median" and second["details"] == REFUSED["details"]
    fitted = ("confidence", "scale", "shift", "residual", "inlier_share", "points")
    assert [second[name] for name in fitted] == [None] * 6
    shown = shapes.DepthMap.model_validate({**first, "depth_url": None, "heatmap_url": None})
    assert {name: getattr(shown, name) for name in FITTED} == FITTED
    assert (await listed(house, "views"))[1]["details"] == {"prior": FITTED}
