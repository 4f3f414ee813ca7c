"""Compression by other programs: their file is the export, and what it lost is measured on what comes out of it."""

from __future__ import annotations

import zlib

import pytest
from tests.steps.conftest import Recorder
from tests.steps.engines.programs import BEGIN, set_up

from maquette.steps import STEPS
from maquette.steps.engines.errors import EngineOutputRefusedError
from maquette.steps.engines.options import NoOptionOfEnginesError
from maquette.steps.folder import Folder
from maquette.steps.records import Export

PACKS = BEGIN + (
    "import zlib\n"
    "stage = json.loads((folder / 'request.json').read_text())['stage']\n"
    "given = folder / 'input'\n"
    "if stage == 'compress':\n"
    "    (output / 'compressed.bin').write_bytes(zlib.compress((given / 'model.ply').read_bytes()))\n"
    "else:\n"
    "    there = sorted(path.name for path in given.iterdir())\n"
    "    assert there == ['compressed.bin'], there\n"
    "    (output / 'decompressed.ply').write_bytes(zlib.decompress((given / 'compressed.bin').read_bytes()))\n"
    "say(version='3', progress=1)\n"
)


def test_the_file_is_kept_and_its_loss_measured_by_us(generated: Folder) -> None:
    set_up(generated, "fcgs", PACKS)
    sink = Recorder()
    result = STEPS["export"].run(generated.root, {"format": "fcgs", "version": 0}, sink)
    (export,) = [record for record in sink.records if isinstance(record, Export)]
    model = (generated.root / "models/v0/model.ply").read_bytes()
    assert zlib.decompress((generated.root / export.file.path).read_bytes()) == model
    assert export.file.path == "exports/model_v0.fcgs" and export.details["engine"]["version"] == "3"
    assert export.measured_loss is not None and export.measured_loss["split"] == "held_out"
    assert export.measured_loss["loss_psnr_db"] == 0 and result["measured_loss"] == export.measured_loss
    assert export.details["full_bytes"] == len(model) > result["bytes"]


def test_a_file_that_holds_nothing_is_found_out(generated: Folder) -> None:
    """It remembers the model, and would unpack it from there."""
    lies = PACKS.replace("zlib.compress((given / 'model.ply').read_bytes())", "b'tiny'")
    set_up(generated, "hacpp", lies.replace("zlib.decompress((given / 'compressed.bin').read_bytes())", "b'ply'"))
    with pytest.raises(EngineOutputRefusedError):
        STEPS["export"].run(generated.root, {"format": "hacpp", "version": 0}, Recorder())


def test_a_file_larger_than_the_model_is_no_compression(generated: Folder) -> None:
    large = PACKS.replace("zlib.compress((given / 'model.ply').read_bytes())", "(given / 'model.ply').read_bytes() * 2")
    set_up(generated, "fcgs", large)
    with pytest.raises(EngineOutputRefusedError, match="are read"):
        STEPS["export"].run(generated.root, {"format": "fcgs", "version": 0}, Recorder())


@pytest.mark.parametrize("option", [{"optimize": True}, {"scale": 2.0}, {"crop": [0, 0, 0, 1, 1, 1]}])
def test_what_only_our_formats_can_do_is_refused(generated: Folder, option: dict[str, object]) -> None:
    set_up(generated, "fcgs", PACKS)
    with pytest.raises(NoOptionOfEnginesError):
        STEPS["export"].run(generated.root, {"format": "fcgs", "version": 0, **option}, Recorder())
