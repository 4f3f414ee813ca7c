"""``maquette splat`` and the help of every command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from tests.cli.test_reconstruct import COMMAND, maquette, refused
from typer.testing import CliRunner

from maquette.cli import app
from maquette.recon.cuda import available
from maquette.recon.synthetic import make_capture

COMMANDS = [
    [], ["serve"], ["worker"], ["doctor"], ["db"], ["db", "migrate"], ["db", "check"], ["reconstruct"],
    ["splat"], ["splat", "train"], ["splat", "eval"], ["demo"],
]  # fmt: skip
TINY = ["--iterations", "20", "--max-gaussians", "300"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transforms.json with its eight photos, as nerfstudio writes them."""
    folder = tmp_path_factory.mktemp("nerf")
    capture = make_capture(folder / "images", views=8, width=160, height=120)
    camera = capture.cameras[0]
    opengl = np.diag([1.0, -1.0, -1.0, 1.0])
    data: dict[str, Any] = {
        "fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy, "w": 160, "h": 120,
        "frames": [
            {"file_path": f"images/{path.name}", "transform_matrix": (camera.world_from_camera @ opengl).tolist()}
            for path, camera in zip(capture.paths, capture.cameras, strict=True)
        ],
    }  # fmt: skip
    (folder / "transforms.json").write_text(json.dumps(data))
    return folder


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
    assert told["psnr"] == pytest.approx(metrics["psnr"], abs=0.01)
    assert [view["view_index"] for view in told["views"]] == [0], "every 8th photo, from the first"


@pytest.mark.parametrize(
    ("options", "words", "exit_code"),
    [
        (["--max-gaussians", "0"], "max-gaussians", 2),
        (["--iterations", "0"], "iterations", 2),
        (["--downscale", "0.5"], "downscale", 2),
        (["--downscale", "nan"], "downscale", None),
        (["--downscale", "1000"], "", None),
        (["--backend", "abacus"], "backend", 2),
        (["--seed", "-1"], "seed", 2),
        (["--seed", "99999999999999999999"], "seed", 2),
    ],
)
def test_options_out_of_bounds(
    options: list[str], words: str, exit_code: int | None, scene: Path, tmp_path: Path
) -> None:
    answer = train(scene, tmp_path / "out", *TINY, *options)
    assert "Traceback" not in answer.stderr, answer.stderr
    assert answer.returncode == (exit_code if exit_code is not None else answer.returncode) != 0
    assert words in answer.stderr


@pytest.mark.parametrize("kind", ["missing", "empty", "without images", "without frames", "no json", "a text file"])
def test_scenes_that_cannot_be_read(kind: str, scene: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    if kind != "missing":
        bad.mkdir()
    if kind == "without images":
        (bad / "transforms.json").write_text((scene / "transforms.json").read_text())
    elif kind == "without frames":
        (bad / "transforms.json").write_text('{"frames": []}')
    elif kind == "no json":
        (bad / "transforms.json").write_text("{")
    elif kind == "a text file":
        bad = bad / "notes.txt"
        bad.write_text("hello")
    answer = train(bad, tmp_path / "out")
    refused(answer, "error")
    assert len([line for line in answer.stderr.splitlines() if line.strip()]) == 2, answer.stderr


def test_models_that_cannot_be_read(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "model.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\n")
    refused(maquette("splat", "eval", scene, tmp_path / "model.ply"), "error")
    refused(maquette("splat", "eval", scene, tmp_path / "nothing.ply"), "error")


def test_an_out_that_is_a_file(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    refused(train(scene, tmp_path / "out"), "out_not_writable")


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
    _, error = process.communicate(timeout=20)
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
