"""What people see of a training: pictures on its way, and the losses that it came by."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.steps.conftest import GENERATE, Recorder, StoppedError

from maquette.steps import STEPS
from maquette.steps.folder import Folder
from maquette.steps.showing import FIRST_AT


def test_a_picture_of_a_view_that_is_not_learnt_and_a_training_that_does_not_care(
    folder: Folder, generated_folder: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maquette.steps.showing.EVERY_S", 0.0)
    monkeypatch.setattr("maquette.steps.showing.SHARE", 1e9)
    sink = Recorder()
    result = STEPS["generate"].run(folder.root, GENERATE, sink)
    shown = [one.iteration for one in sink.previews]
    assert shown == list(range(1, 61)), "as often as time allows"
    first, last = sink.previews[0], sink.previews[-1]
    assert {one.view_index for one in sink.previews} == {8} and last.iterations == 60
    picture = np.asarray(Image.open(BytesIO(last.picture)))
    assert picture.shape == (last.height, last.width, 3) == (90, 120, 3) and picture.std() > 5
    assert last.psnr > first.psnr + 1
    [of_view] = [m for m in sink.models[0].metrics if m.view_index == 8]
    assert last.psnr == pytest.approx(of_view.psnr, abs=1e-6), "measured as the version itself is"
    assert result["psnr"] == generated_folder[1]["psnr"], "whoever watches changes nothing"


def test_the_first_picture_comes_soon_and_the_next_in_its_time(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maquette.steps.showing.EVERY_S", 1e9)
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    assert [one.iteration for one in sink.previews] == [round(FIRST_AT * 60)]


def test_losses_fall_and_are_told_for_what_they_are(generated: Folder) -> None:
    losses = generated.load_model(0).losses
    assert losses is not None and losses.iterations[-1] == 60
    assert losses.every == 8 and len(losses.losses) == 8, "a pass of the eight training photos each"
    assert losses.losses[-1] < 0.9 * losses.losses[0]
    assert "L1" in losses.definition and "SSIM" in losses.definition


@pytest.mark.parametrize("at", [30, 55])
def test_losses_of_a_killed_attempt_are_gone_on_with(
    at: int, folder: Folder, generated_folder: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maquette.steps.training.CHECKPOINT_EVERY", 8)
    with pytest.raises(StoppedError):
        STEPS["generate"].run(
            folder.root, GENERATE, Recorder(stop=lambda stage, message: f"iteration {at}/" in message)
        )
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    whole, resumed = Folder(generated_folder[0]).load_model(0).losses, sink.models[0].losses
    assert whole is not None and resumed is not None
    assert resumed.iterations == whole.iterations
    # Begun again within a pass, where a checkpoint lay: that interval holds fewer photos.
    assert sum(a != b for a, b in zip(resumed.losses, whole.losses, strict=True)) <= 1


def test_each_round_of_a_refine_has_its_own_losses(generated: Folder) -> None:
    sink = Recorder()
    parameters = {"num_iterations": 2, "steps_per_iteration": 16, "convergence_threshold": 0, "enhancement": "none"}
    write = generated.root / "project.json"
    write.write_text('{"views_kept": true, "latest_version": 0, "from_version": 0}')
    STEPS["refine"].run(generated.root, parameters, sink)
    told = [model.losses for model in sink.models]
    assert told and all(one is not None and one.iterations[0] > 60 for one in told)
    assert told[0] is not None and told[0].iterations == (64, 72, 76)
    assert sink.previews and sink.previews[0].iteration == 61 and sink.previews[0].iterations == 76
