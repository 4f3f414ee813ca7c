"""``maquette splat train`` left alone: killed, stopped, without disk or memory, asked for something else between."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.test_reconstruct import COMMAND, maquette, refused

from maquette.cli.splat_run import ForeignCheckpointError, Run, differences, work_of
from maquette.cli.splat_training import settings_of
from maquette.errors import MaquetteError
from maquette.recon.checkpoint import Checkpoint, CorruptCheckpointError, read_about
from maquette.recon.scene import Scene
from maquette.recon.scene_files import load_scene
from maquette.recon.train import first_state
from maquette.recon.train_settings import TrainSettings
from maquette.steps.presets import PRESETS

SMALL = ["--max-gaussians", "400", "--backend", "cpu"]


def call(scene: Path, out: Path, *options: str) -> list[str]:
    return ["splat", "train", str(scene), "--out", str(out), *SMALL, *options]


def checkpoints(out: Path) -> list[Path]:
    return sorted(out.glob("checkpoint-*.npz"))


def kept_iteration(path: Path) -> int:
    return int(read_about(path)["attempts"][-1]["to_iteration"])


def stop_once(arguments: list[str], out: Path, number: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Start it and send the signal as soon as a checkpoint is kept that training has got somewhere with.

    The first may be of iteration 1: where kernels are compiled first, that alone can take more than 30 seconds.
    """
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while not any(kept_iteration(path) > 100 for path in checkpoints(out)):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    said, error = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, said, error)


def test_a_killed_run_comes_to_the_same_bits(scene: Path, tmp_path: Path) -> None:
    arguments = call(scene, tmp_path / "killed", "--iterations", "1300")
    killed = stop_once(arguments, tmp_path / "killed", signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    for name in ("checkpoint-1.npzab.part", ".model.ply.ab", ".checkpoint-1.json.ab"):
        (tmp_path / "killed" / name).write_text("a kill in the midst of writing leaves this")
    assert not (tmp_path / "killed/model.ply").exists() and not (tmp_path / "killed/metrics.json").exists()
    (checkpoint,) = checkpoints(tmp_path / "killed")
    (kept,) = json.loads(checkpoint.with_suffix(".json").read_text())
    iteration = kept_iteration(checkpoint)

    again = maquette(*arguments)
    assert again.returncode == 0, again.stderr
    assert f"Goes on from iteration {iteration} of 1300" in again.stdout
    whole = maquette(*call(scene, tmp_path / "whole", "--iterations", "1300"))
    assert whole.returncode == 0 and "Goes on" not in whole.stdout

    assert (tmp_path / "killed/model.ply").read_bytes() == (tmp_path / "whole/model.ply").read_bytes()
    one, two = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("killed", "whole"))
    assert (one["resumed_from"], one["attempts"]) == ([iteration], 2)
    assert (two["resumed_from"], two["attempts"]) == ([], 1)
    assert one["views"] == two["views"]
    assert one["seconds_total"] > kept["seconds_total"] > kept["seconds_training"] > 0
    left = {path.name for path in (tmp_path / "killed").iterdir()}
    assert left == {".lock", "cache", "model.ply", "metrics.json"}, "what is done leaves nothing else"


def test_a_stop_loses_nothing_and_a_checkpoint_can_be_kept(scene: Path, tmp_path: Path) -> None:
    arguments = call(scene, tmp_path, "--iterations", "900", "--keep-checkpoint", "--preview")
    stopped = stop_once(arguments, tmp_path, signal.SIGTERM)
    assert stopped.returncode == 128 + signal.SIGTERM, stopped.stderr
    assert "Traceback" not in stopped.stderr
    (kept,) = json.loads(checkpoints(tmp_path)[0].with_suffix(".json").read_text())
    assert kept["to_iteration"] > 100
    assert f"Stopped. The same call goes on from iteration {kept['to_iteration']}." in stopped.stderr

    again = maquette(*arguments)
    assert again.returncode == 0, again.stderr
    assert f"Goes on from iteration {kept['to_iteration']} of 900" in again.stdout
    assert len(checkpoints(tmp_path)) == 1
    assert (tmp_path / "preview.jpg").read_bytes()[:2] == b"\xff\xd8"
    model = (tmp_path / "model.ply").read_bytes()

    done = maquette(*arguments)
    assert "Goes on from iteration 900 of 900" in done.stdout
    assert (tmp_path / "model.ply").read_bytes() == model
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["resumed_from"] == [kept["to_iteration"], 900]

    # Other settings: anew, beside what is kept.
    other = maquette(*call(scene, tmp_path, "--iterations", "30", "--seed", "3"))
    assert "Training begins anew." in other.stdout and "seed 0 -> 3" in other.stdout
    assert "iterations 900 -> 30" in other.stdout
    assert len(checkpoints(tmp_path)) == 1, "the other run's, and no more"
    assert json.loads((tmp_path / "metrics.json").read_text())["resumed_from"] == []

    cut = checkpoints(tmp_path)[0]
    cut.write_bytes(cut.read_bytes()[:5000])
    refusal = maquette(*arguments)
    refused(refusal, "corrupt_checkpoint")
    assert "--fresh" in refusal.stderr and cut.stat().st_size == 5000, "nothing was thrown away"


def test_two_calls_at_once_in_one_out_are_refused(scene: Path, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(maquette(*call(scene, tmp_path)), "out_in_use")


def limited(limit: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command under ``ulimit``."""
    line = f"ulimit {limit}; exec {shlex.join([*COMMAND, *arguments])}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash's ulimit")
def test_a_checkpoint_that_does_not_fit_stops_the_training(scene: Path, tmp_path: Path) -> None:
    train = ["splat", "train", str(scene), "--out", str(tmp_path), "--backend", "cpu", "--iterations", "3"]
    refused(limited("-f 4000", *train), "checkpoint_not_written")  # KiB; 15 000 Gaussians take ten times that
    assert not checkpoints(tmp_path) and not list(tmp_path.glob("*.part"))
    assert not (tmp_path / "model.ply").exists()
    assert maquette(*train).returncode == 0


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash's ulimit")
def test_memory_that_will_not_be_enough_is_refused_before_it_starts(scene: Path, tmp_path: Path) -> None:
    train = ["splat", "train", str(scene), "--out", str(tmp_path), "--backend", "cpu", "--max-gaussians", "5000000"]
    answer = limited(f"-v {6 * 2**20}", *train)
    refused(answer, "not_enough_memory")
    assert "GiB" in answer.stderr
    assert not list(tmp_path.glob("checkpoint-*")), "it did not start"


@pytest.fixture(scope="module")
def loaded(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return load_scene(scene, cache_dir=tmp_path_factory.mktemp("cache"))


SETTINGS = TrainSettings(iterations=50, max_gaussians=100)


def run(out: Path, scene: Scene, settings: TrainSettings = SETTINGS) -> Run:
    return Run(out, work_of(scene, settings), backend="cpu", began=time.monotonic())


def state(scene: Scene) -> Checkpoint:
    return replace(first_state(scene, SETTINGS), iteration=7)


def test_a_run_finds_what_it_kept(loaded: Scene, tmp_path: Path) -> None:
    first = run(tmp_path, loaded)
    assert first.recover() is None
    first.begin_training()
    first.count(9)
    first.keep(state(loaded))
    again = run(tmp_path, loaded)
    found = again.recover()
    assert found is not None and found.iteration == again.kept_iteration == 7
    assert [asdict(one) for one in again.attempts[:-1]] == [asdict(first.attempt)]
    assert (first.attempt.from_iteration, first.attempt.to_iteration) == (0, 9), "what was lost counts"

    again.log.write_text("[{")
    third = run(tmp_path, loaded)
    third.recover()
    assert [one.to_iteration for one in third.earlier] == [9], "the checkpoint knows it where the log is damaged"
    third.forget()
    assert list(tmp_path.iterdir()) == []


def test_the_same_scene_elsewhere_is_the_same_work_and_a_changed_photo_is_not(
    scene: Path, loaded: Scene, tmp_path: Path
) -> None:
    shutil.copytree(scene, tmp_path / "copy")
    copy = load_scene(tmp_path / "copy", cache_dir=tmp_path / "cache")
    assert work_of(copy, SETTINGS) == work_of(loaded, SETTINGS)
    photo = copy.views[2].image_path
    photo.write_bytes(copy.views[3].image_path.read_bytes())
    changed = work_of(copy, SETTINGS)
    assert "photos" in differences(changed, work_of(loaded, SETTINGS))
    moved = replace(loaded, points=loaded.points + 1)
    assert work_of(moved, SETTINGS) != work_of(loaded, SETTINGS)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign_file(path: Path) -> None:
    path.write_text("a letter")


def foreign_arrays(path: Path) -> None:
    np.savez(path, weights=np.zeros(3))


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, empty, foreign_file, foreign_arrays, flipped])
def test_a_damaged_checkpoint_is_refused_and_stays(
    damage: Callable[[Path], None], loaded: Scene, tmp_path: Path
) -> None:
    run(tmp_path, loaded).keep(state(loaded))
    (path,) = checkpoints(tmp_path)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(CorruptCheckpointError) as caught:
        run(tmp_path, loaded).recover()
    assert path.name in caught.value.message and "--fresh" in caught.value.suggestion
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_scene_is_never_gone_on_with(loaded: Scene, tmp_path: Path) -> None:
    other = replace(loaded, points=loaded.points[::-1].copy())
    run(tmp_path, other).keep(state(other))
    mine = run(tmp_path, loaded)
    assert mine.recover() is None
    ((path, work),) = mine.others()
    assert "the photos, cameras or points of the scene are others" in differences(mine.work, work)
    path.rename(mine.path)  # as somebody might who wants it to be gone on with
    with pytest.raises(ForeignCheckpointError) as caught:
        mine.recover()
    assert caught.value.code == "foreign_checkpoint" and "--fresh" in caught.value.suggestion


def test_explicit_options_win_over_the_preset() -> None:
    def chosen(**explicit: Any) -> TrainSettings:
        return settings_of("balanced", 40, **explicit)

    preset = PRESETS["balanced"]
    assert chosen().max_gaussians == preset.max_gaussians and chosen().max_side_px == preset.long_side
    assert chosen(iterations=7, max_gaussians=None).iterations == 7
    assert chosen(iterations=7).max_gaussians == preset.max_gaussians
    by_share = chosen(downscale=4.0)
    assert (by_share.downscale, by_share.max_side_px) == (4.0, None)
    assert chosen(max_side_px=99).max_side_px == 99
    assert settings_of(None, 40) == TrainSettings()
    with pytest.raises(MaquetteError) as caught:
        chosen(downscale=float("nan"))
    assert caught.value.code == "bad_train_settings"
