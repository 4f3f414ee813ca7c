"""What a version is measured by goes into its rows and comes back to the next step as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.execution.house import House, model_record, views_record

from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.recon.quality import Quality, Standing
from maquette.steps.folder import Folder
from maquette.steps.records import Metric, Model
from maquette.steps.versions import promoted_standing

BOUNDS = {"min": (-9.0, -8.5, -7.0), "max": (9.0, 8.0, 7.0), "p1": (-1.0, -2.0, -3.0), "p99": (1.0, 2.0, 3.25)}


def measured(folder: Path, *, degraded: bool = False) -> Model:
    """A version with every number there is."""
    taken = {"width": 160, "height": 120, "mask": "masked", "colour": "sRGB 8-bit, as photographed"}
    weighed = {"lpips": 0.25, "lpips_weights": "lpips-alex local", "depth_consistency": 0.75}
    metrics = (
        Metric(split="held_out", view_index=None, psnr=20.0, ssim=0.5, overall_quality=0.5833, **taken, **weighed),
        Metric(split="held_out", view_index=0, psnr=20.0, ssim=0.5, **taken, **weighed),
        Metric(split="training", view_index=1, psnr=22.0, ssim=0.6, **taken),
    )
    return model_record(Folder(folder), 0).model_copy(
        update={
            "metrics": metrics,
            "bounds": BOUNDS,
            "bytes": (folder / "models/v0/model.ply").stat().st_size,
            "seconds": 12.5,
            "degraded": degraded,
        }
    )


@pytest.mark.parametrize("degraded", [False, True])
async def test_rows_say_all_and_the_next_step_reads_it(
    house: House, folder: Path, tmp_path: Path, degraded: bool
) -> None:
    run = await house.started("generate", {"preset": "fastest"})
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(views_record(Folder(folder)))
    await keeper.keep(measured(folder, degraded=degraded))

    row = await house.model(0)
    assert (row["lpips"], row["depth_consistency"], row["seconds"], row["degraded"]) == (0.25, 0.75, 12.5, degraded)
    assert row["bytes"] == row["objects"]["model"]["bytes"]
    assert {name: tuple(corner) for name, corner in row["bounds"].items()} == BOUNDS
    metrics = await house.rows("select * from public.refinement_metrics where run_id = %s order by split", run["id"])
    for metric in metrics:
        assert (metric["width"], metric["height"], metric["mask"]) == (160, 120, "masked")
        assert metric["colour"] == "sRGB 8-bit, as photographed" and metric["view_run_id"] == run["id"]
        assert (metric["eval_set_id"] is not None) == (metric["split"] == "held_out")
    assert [m["lpips"] for m in metrics] == [0.25, 0.25, None]
    [best] = await house.rows("select * from public.best_models where project_id = %s", house.project["id"])
    assert (best["version"], best["degraded"]) == (0, degraded)
    assert best["compared_quality"] == pytest.approx(Quality(20.0, 0.5, 0.25, 0.75).overall)

    elsewhere = tmp_path / "elsewhere"
    await fill_folder(house.pool, house.objects, await house.again(run), elsewhere)
    found = Folder(elsewhere)
    assert set(found.load_model(0).metrics) == set(measured(folder).metrics)
    assert found.load_model(0).bounds == BOUNDS and found.load_model(0).degraded is degraded
    assert promoted_standing(found) == Standing(Quality(20.0, 0.5, 0.25, 0.75), sound=not degraded)


async def test_versions_of_before_there_were_other_terms_still_compare(
    house: House, folder: Path, tmp_path: Path
) -> None:
    await house.with_version(folder)
    run = await house.started("refine")
    await fill_folder(house.pool, house.objects, run, tmp_path / "elsewhere")
    standing = promoted_standing(Folder(tmp_path / "elsewhere"))
    assert standing is not None and standing.sound and standing.quality.terms == ("psnr", "ssim")
