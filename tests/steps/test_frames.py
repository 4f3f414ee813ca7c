"""How many frames a video gives: as asked, by the preset, or as many as there is room for, and always said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.execution.test_inputs import walk
from tests.steps.conftest import Recorder

from maquette.steps import upload
from maquette.steps.folder import Folder, write_json
from maquette.steps.frames import FRAMES, frames_wanted
from maquette.steps.limits import StepLimits, write_limits
from maquette.steps.parameters import UploadParameters
from maquette.steps.records import Images


def taken(root: Path, parameters: dict[str, Any], videos: int = 1, limits: StepLimits | None = None) -> Images:
    """What the upload step keeps of small videos."""
    (root / "incoming").mkdir()
    data = walk(root / "walk.mp4")
    for number in range(videos):
        (root / "incoming" / f"{number:04d}").write_bytes(data)
    write_json(
        root / "incoming.json",
        [{"file": f"{n:04d}", "filename": f"walk {n}.mp4", "field": "file"} for n in range(videos)],
    )
    if limits is not None:
        write_limits(Folder(root), limits)
    recorder = Recorder()
    upload.run(root, parameters, recorder)
    (images,) = recorder.records
    assert isinstance(images, Images)
    return images


def test_the_number_asked_for_has_the_last_word() -> None:
    assert frames_wanted(UploadParameters()) == (40, "default")
    assert {name: frames_wanted(UploadParameters(preset=name)) for name in FRAMES} == {
        "fastest": (24, "preset fastest"),
        "balanced": (40, "preset balanced"),
        "quality": (80, "preset quality"),
    }
    assert frames_wanted(UploadParameters(frames=7, preset="quality"), room=5) == (7, "asked for")
    assert frames_wanted(UploadParameters(), room=30) == (30, "as many as the project still takes")
    assert frames_wanted(UploadParameters(), room=100) == (40, "default")


@pytest.mark.parametrize("wrong", [{"frames": 2}, {"frames": 201}, {"frames": "many"}, {"preset": "slow"}])
def test_numbers_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UploadParameters.model_validate(wrong)


def test_a_video_tells_how_many_were_wanted_why_and_how_many_came(tmp_path: Path) -> None:
    images = taken(tmp_path, {"frames": 5})
    (video,) = images.videos
    assert (video["name"], video["wanted"], video["wanted_because"]) == ("walk 0.mp4", 5, "asked for")
    assert video["chosen"] == len(images.images) == 5


def test_a_default_bows_to_what_the_project_takes(tmp_path: Path) -> None:
    images = taken(tmp_path, {"preset": "fastest"}, videos=2, limits=StepLimits(photos=10, photos_already=2))
    assert [video["wanted"] for video in images.videos] == [4, 4]
    assert {video["wanted_because"] for video in images.videos} == {"as many as the project still takes"}
    assert 0 < len(images.images) <= 8
