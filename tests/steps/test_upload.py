"""Upload: what the machine's limits do to a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Picture

from maquette.recon.train_settings import TrainSettings
from maquette.steps import upload
from maquette.steps.folder import Folder, write_json
from maquette.steps.limits import StepLimits, lowered, read_limits, write_limits
from maquette.steps.records import Images, Preview, Record, Warn


class Sink:
    """Remembers."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.warnings: list[Warn] = []

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Nobody watches."""

    def keep(self, record: Record) -> None:
        self.records.append(record)

    def show(self, preview: Preview) -> None:
        """An upload trains nothing."""

    def warn(self, warning: Warn) -> None:
        self.warnings.append(warning)


def incoming(root: Path, *sizes: tuple[int, int]) -> Folder:
    """A folder with noise pictures of these sizes."""
    (root / "incoming").mkdir()
    random = np.random.default_rng(5)
    for number, (width, height) in enumerate(sizes):
        pixels = random.integers(0, 255, (height, width, 3), dtype=np.uint8)
        Picture.fromarray(pixels).save(root / "incoming" / f"{number:04d}", "PNG")
    entries = [{"file": f"{number:04d}", "filename": f"{number}.png"} for number in range(len(sizes))]
    write_json(root / "incoming.json", entries)
    return Folder(root)


def test_a_photo_beyond_the_machines_pixels_is_rejected_and_the_others_stay(tmp_path: Path) -> None:
    folder = incoming(tmp_path, (400, 300), (400, 301))
    write_limits(folder, StepLimits(max_pixels=120_000))
    sink = Sink()
    assert upload.run(tmp_path, {}, sink) == {"images": 2, "usable": 1}
    (images,) = sink.records
    assert isinstance(images, Images)
    assert [image.verdict == "rejected" for image in images.images] == [False, True]
    assert images.images[1].reasons[0].code == "image_too_large"


def test_a_folder_without_limits_has_none(tmp_path: Path) -> None:
    assert read_limits(Folder(tmp_path)) == StepLimits()


def test_a_model_is_lowered_to_the_machines_limit_and_says_so(tmp_path: Path) -> None:
    folder, sink = Folder(tmp_path), Sink()
    write_limits(folder, StepLimits(max_gaussians=1000))
    assert lowered(TrainSettings(max_gaussians=1000), read_limits(folder), sink).max_gaussians == 1000
    assert not sink.warnings
    assert lowered(TrainSettings(max_gaussians=1001), read_limits(folder), sink).max_gaussians == 1000
    (warning,) = sink.warnings
    assert warning.code == "gaussians_limited" and "1000" in warning.message and not warning.degraded
