"""``maquette models`` as people type it, against a hub on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.models.hub_server import serve_hub
from tests.ports import free_port
from typer.testing import CliRunner

from maquette.cli import app
from maquette.models.registry import MODELS


def maquette(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maquette.cli", "models", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": "", "HOME": str(home), "MAQUETTE_HOME": str(home), "HF_HOME": str(home / "hf")} | environment,
    )


def test_the_list_tells_all_of_each(tmp_path: Path) -> None:
    (tmp_path / "models" / "u2net").mkdir(parents=True)
    (tmp_path / "models" / "u2net" / "u2net.onnx").write_bytes(b"")
    answer = maquette(tmp_path, "list")
    assert answer.returncode == 0, answer.stderr
    for entry in MODELS:
        assert entry.name in answer.stdout
        assert (entry.revision[:12] if len(entry.revision) == 40 else entry.revision) in answer.stdout
    assert "no (refused)" in answer.stdout and "put there by you" in answer.stdout
    assert str(tmp_path / "models") in answer.stdout
    assert "enhanced by 'none'" in answer.stdout and "source photos alone" in answer.stdout
    allowed = maquette(tmp_path, "list", MAQUETTE_ALLOW_NONCOMMERCIAL_MODELS="true")
    assert "no (allowed by you)" in allowed.stdout


def test_the_list_for_scripts_holds_every_checksum(tmp_path: Path) -> None:
    (tmp_path / "models" / "u2netp").mkdir(parents=True)
    (tmp_path / "models" / "u2netp" / "u2netp.onnx").write_bytes(b"")
    answer = maquette(tmp_path, "list", "--json")
    told = {row["name"]: row for row in json.loads(answer.stdout)}
    assert set(told) == {entry.name for entry in MODELS}
    for entry in MODELS:
        assert (told[entry.name]["sha256"], told[entry.name]["licence"]) == (entry.known_sha256, entry.licence)
    assert told["u2netp"]["state"] == "local" and told["u2net"]["state"] == "absent"
    assert "torchvision" in told["zero123plus"]["note"] and told["zero123plus"]["brings_code"]


def test_a_view_pipeline_of_ones_own_is_listed(tmp_path: Path) -> None:
    for name in ("my-views", ".pulling", "notes"):
        (tmp_path / "models" / name).mkdir(parents=True)
        if name != "notes":
            (tmp_path / "models" / name / "views.json").write_text("{}")
    answer = maquette(tmp_path, "list")
    assert answer.returncode == 0 and "my-views" in answer.stdout and "of your own" in answer.stdout
    assert "notes" not in answer.stdout and ".pulling" not in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["pull", "zero123plus"], "model_licence_refused", 1),
        (["pull", "depth-anything-v2-base"], "model_licence_refused", 1),
        (["pull", "sd-9"], "unknown_model", 1),
        (["pull", "difix-ref"], "model_licence_refused", 1),
        (["verify", "sdxl"], "model_weights_missing", 1),
        (["pull"], "name the models", 2),
        (["pull", "sdxl", "--timeout", "0"], "timeout", 2),
    ],
)
def test_what_is_refused(tmp_path: Path, arguments: list[str], code: str, exit_code: int) -> None:
    answer = maquette(tmp_path, *arguments)
    assert answer.returncode == exit_code
    assert code in answer.stderr and "Traceback" not in answer.stderr


def test_offline_ends_in_words(tmp_path: Path) -> None:
    answer = maquette(
        tmp_path, "pull", "depth-anything-v2-small", "--timeout", "2", HF_ENDPOINT=f"http://127.0.0.1:{free_port()}"
    )
    assert answer.returncode == 1
    assert "model_source_unreachable" in answer.stderr and "Traceback" not in answer.stderr


def test_a_mirror_that_sends_something_else_is_not_believed(tmp_path: Path) -> None:
    """The real entry, pulled by HF_ENDPOINT from a server that has the right names and the wrong bytes."""
    entry = next(entry for entry in MODELS if entry.name == "depth-anything-v2-small")
    with serve_hub() as hub:
        hub.files = {"onnx/model.onnx": b"x" * 2000, "preprocessor_config.json": b"{}"}
        hub.repository, hub.commit = "onnx-community/depth-anything-v2-small", entry.revision
        answer = maquette(tmp_path, "pull", entry.name, HF_ENDPOINT=hub.address)
        assert answer.returncode == 1
        assert "model_checksum_mismatch" in answer.stderr, answer.stderr
        assert any(path.endswith("/onnx/model.onnx") for _, path, _ in hub.requests)
    assert not (tmp_path / "models" / entry.name).exists()


def test_verify_tells_each_file_and_fails_where_one_changed(tmp_path: Path) -> None:
    assert "no models are here" in maquette(tmp_path, "verify").stdout
    folder = tmp_path / "elsewhere" / "u2net"
    folder.mkdir(parents=True)
    (folder / "u2net.onnx").write_bytes(b"not the real one")
    answer = maquette(tmp_path, "verify", MAQUETTE_MODELS_DIR=str(folder.parent))
    assert answer.returncode == 1 and "u2net: changed  u2net.onnx" in answer.stdout
    listed = {"u2net.onnx": {"bytes": 1, "sha256": "0", "checked_against": "hub"}}
    manifest = {"name": "u2net", "revision": "older", "pulled_at": "2026-01-01", "files": listed}
    (folder / "maquette.json").write_text(json.dumps(manifest))
    assert maquette(tmp_path, "verify", "u2net", MAQUETTE_MODELS_DIR=str(folder.parent)).returncode == 1


@pytest.mark.parametrize("command", [[], ["list"], ["pull"], ["verify"]], ids=" ".join)
def test_help_says_what_each_command_is_for(command: list[str]) -> None:
    answer = CliRunner().invoke(app, ["models", *command, "--help"], terminal_width=200)
    assert answer.exit_code == 0
    assert len(answer.output.split()) > 15
