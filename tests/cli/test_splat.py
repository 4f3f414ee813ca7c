"""``maquette splat`` and the help of every command."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from tests.cli.test_reconstruct import COMMAND, maquette, refused
from typer.testing import CliRunner

from maquette.cli import app
from maquette.recon.cuda import available

COMMANDS = [
    [], ["serve"], ["worker"], ["doctor"], ["db"], ["db", "migrate"], ["db", "check"], ["reconstruct"],
    ["splat"], ["splat", "train"], ["splat", "eval"], ["demo"],
]  # fmt: skip
TINY = ["--iterations", "20", "--max-gaussians", "300"]


def train(scene: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return maquette("splat", "train", scene, "--out", out, *(options or TINY))


def test_train_and_eval_agree(scene: Path, tmp_path: Path) -> None:
    trained = train(scene, tmp_path)
    assert trained.returncode == 0, trained.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    promised = {
        "psnr", "ssim", "training_psnr", "training_ssim", "gaussians", "iterations", "seconds_total",
        "seconds_per_iteration", "peak_memory_mb",
    }  # fmt: skip
    assert promised <= set(metrics)
    assert metrics["gaussians"] <= 300 and metrics["iterations"] == 20
    assert f"held-out PSNR {metrics['psnr']:.2f} dB SSIM {metrics['ssim']:.3f}" in trained.stdout
    measured = maquette("splat", "eval", scene, tmp_path / "model.ply")
    assert measured.returncode == 0, measured.stderr
    told = json.loads(measured.stdout)
    assert not list(tmp_path.glob("checkpoint-*"))
    assert told["psnr"] == pytest.approx(metrics["psnr"], abs=0.01)
    assert [view["view_index"] for view in told["views"]] == [0], "every 8th photo, from the first"


def test_train_and_eval_count_the_same_pixels_of_masked_photos(scene: Path, tmp_path: Path) -> None:
    masked = tmp_path / "masked"
    shutil.copytree(scene, masked)
    told = json.loads((masked / "transforms.json").read_text())
    half = np.zeros((120, 160), np.uint8)
    half[:, :80] = 255
    Image.fromarray(half).save(masked / "mask.png")
    for frame in told["frames"]:
        frame["mask_path"] = "mask.png"
    (masked / "transforms.json").write_text(json.dumps(told))
    assert train(masked, tmp_path / "out").returncode == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    measured = json.loads(maquette("splat", "eval", masked, tmp_path / "out" / "model.ply").stdout)
    assert measured["psnr"] == pytest.approx(metrics["psnr"], abs=0.01)
    unmasked = json.loads(maquette("splat", "eval", scene, tmp_path / "out" / "model.ply").stdout)
    assert abs(unmasked["psnr"] - metrics["psnr"]) > 0.1


@pytest.mark.parametrize(
    ("options", "words", "exit_code"),
    [
        (["--max-gaussians", "0"], "max-gaussians", 2),
        (["--iterations", "0"], "iterations", 2),
        (["--downscale", "0.5"], "downscale", 2),
        (["--downscale", "nan"], "downscale", 2),
        (["--downscale", "1000"], "training_size_too_small", 1),
        (["--long-side", "15"], "long-side", 2),
        (["--preset", "instant"], "preset", 2),
        (["--backend", "abacus"], "backend", 2),
        (["--seed", "-1"], "seed", 2),
        (["--seed", "99999999999999999999"], "seed", 2),
    ],
)
def test_options_out_of_bounds(options: list[str], words: str, exit_code: int, scene: Path, tmp_path: Path) -> None:
    answer = train(scene, tmp_path / "out", *TINY, *options)
    assert "Traceback" not in answer.stderr, answer.stderr
    assert answer.returncode == exit_code
    assert words in answer.stderr


def no_json(folder: Path) -> None:
    (folder / "transforms.json").write_text("{")


def change(folder: Path, **keys: Any) -> None:
    data = json.loads((folder / "transforms.json").read_text())
    (folder / "transforms.json").write_text(json.dumps({**data, **keys}))


def frames(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "transforms.json").read_text())["frames"]
    return found


def nan_pose(folder: Path) -> None:
    spoiled = frames(folder)
    spoiled[3]["transform_matrix"][0][3] = float("nan")
    change(folder, frames=spoiled)


def photos_gone(folder: Path) -> None:
    shutil.rmtree(folder / "images")


def a_broken_photo(folder: Path) -> None:
    path = folder / frames(folder)[1]["file_path"]
    path.write_bytes(path.read_bytes()[:200])


def points_behind_every_camera(folder: Path) -> None:
    """The cameras turned about: what they saw lies behind them."""
    turned = frames(folder)
    for frame in turned:
        for row in frame["transform_matrix"][:3]:
            row[0], row[2] = -row[0], -row[2]
    change(folder, frames=turned)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (shutil.rmtree, "scene_not_found"),
        (lambda folder: (folder / "transforms.json").unlink(), "scene_not_found"),
        (no_json, "scene_unreadable"),
        (lambda folder: change(folder, frames=[]), "scene_without_images"),
        (nan_pose, "scene_bad_pose"),
        (photos_gone, "scene_images_missing"),
        (a_broken_photo, "photo_"),
        (lambda folder: change(folder, frames=frames(folder)[:1]), "scene_one_camera"),
        (lambda folder: change(folder, frames=frames(folder)[:2]), "untrainable_scene"),
        (points_behind_every_camera, "untrainable_scene"),
    ],
)
def test_scenes_that_cannot_be_trained(spoil: Callable[[Path], object], code: str, scene: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(scene, bad)
    spoil(bad)
    answer = train(bad, tmp_path / "out")
    refused(answer, code)
    assert len([line for line in answer.stderr.splitlines() if line.strip()]) == 2, "what is wrong, and what to do"


def test_a_scene_that_is_some_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    refused(train(tmp_path / "notes.txt", tmp_path / "out"), "scene_not_found")


def test_models_that_cannot_be_read(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "model.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\n")
    refused(maquette("splat", "eval", scene, tmp_path / "model.ply"), "bad_model_file")
    refused(maquette("splat", "eval", scene, tmp_path / "nothing.ply"), "bad_model_file")


def test_a_model_with_a_number_that_is_none(scene: Path, tmp_path: Path) -> None:
    assert train(scene, tmp_path / "out").returncode == 0
    model = tmp_path / "out/model.ply"
    model.write_bytes(model.read_bytes()[:-4] + np.float32(np.nan).tobytes())
    refused(maquette("splat", "eval", scene, model), "bad_model_file")


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/nowhere"])
def test_an_out_that_cannot_be_written(place: str, scene: Path, tmp_path: Path) -> None:
    refused(train(scene, Path(place)), "out_not_writable")
    (tmp_path / "model.ply").mkdir()
    refused(train(scene, tmp_path), "out_not_writable")


def test_an_out_that_is_a_file(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    refused(train(scene, tmp_path / "out"), "out_not_writable")


def test_a_preset_sets_the_size_and_eval_shows_pictures(scene: Path, tmp_path: Path) -> None:
    answer = train(scene, tmp_path, "--preset", "fastest", *TINY, "--long-side", "80")
    assert answer.returncode == 0, answer.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["preset"], metrics["long_side"], metrics["iterations"]) == ("fastest", 80, 20)
    model, pictures = tmp_path / "model.ply", tmp_path / "pictures"
    measured = maquette("splat", "eval", scene, model, "--long-side", "80", "--pictures", pictures)
    assert measured.returncode == 0, measured.stderr
    assert json.loads(measured.stdout)["psnr"] == pytest.approx(metrics["psnr"], abs=0.01)
    (picture,) = pictures.iterdir()
    with Image.open(picture) as image:
        assert image.height == 60 and 160 < image.width < 180, "the photo and its render, side by side"


def test_ctrl_c_while_training(scene: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "splat", "train", str(scene), "--out", str(tmp_path), "--iterations", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "loading" in process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error and "Stopped." in error


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_each_command_and_option_is_for(command: list[str]) -> None:
    answer = CliRunner().invoke(app, [*command, "--help"], terminal_width=200)
    assert answer.exit_code == 0
    assert len(answer.output.split()) > 15
    assert " ." not in answer.output, "square brackets are markup: what stood in them is lost"
    for parameter in _parameters(command):
        assert parameter.help, parameter.name


def _parameters(command: list[str]) -> list[Any]:
    found: Any = typer.main.get_command(app)
    for name in command:
        found = found.commands[name]
    return [
        parameter
        for parameter in found.params
        if parameter.name not in ("help", "install_completion", "show_completion")
    ]


def test_the_command_line_starts_without_the_engine() -> None:
    """`maquette --help` must not wait for numba."""
    code = "import sys, maquette.cli; sys.exit(bool({'numba', 'torch', 'pycolmap', 'supabase'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_command_is_a_usage_error() -> None:
    refused(maquette("polish"), "No such command", 2)


def test_a_gpu_that_cannot_be_used_is_never_replaced_in_silence(scene: Path, tmp_path: Path) -> None:
    problem = available().problem
    if problem is None:
        pytest.skip("this machine has a GPU")
    refused(train(scene, tmp_path, *TINY, "--backend", "cuda"), problem.code)
    assert not (tmp_path / "model.ply").exists()
    assert train(scene, tmp_path, *TINY, "--backend", "auto").returncode == 0
    assert json.loads((tmp_path / "metrics.json").read_text())["backend"] == "cpu"
