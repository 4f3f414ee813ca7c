"""The original trainer in a container, with a stand-in for docker that looks at what it is asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.steps.conftest import Recorder
from tests.steps.engines.programs import example

from maquette.steps import STEPS
from maquette.steps.engines import gaussian_splatting
from maquette.steps.engines.engine import EngineLimits, Setup
from maquette.steps.engines.errors import EngineError, EngineTimedOutError
from maquette.steps.engines.folder import EngineFolder
from maquette.steps.engines.setups import write_setups
from maquette.steps.folder import Folder

DOCKER = """#!{python} -I
import json, os, subprocess, sys, time
from pathlib import Path
here = Path({here!r})
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["image", "inspect"]:
    print("sha256:" + "ab" * 32)
if sys.argv[1] != "run":
    sys.exit(0)
words = sys.argv[2:]
mounts = {{}}
for flag, value in zip(words, words[1:]):
    if flag == "--mount":
        fields = dict(part.partition("=")[::2] for part in value.strip('"').split(","))
        mounts[fields["target"]] = Path(fields["source"])
(here / "environment.json").write_text(json.dumps(dict(os.environ)))
for share in (10, 60):
    sys.stderr.write("\\rTraining progress:  " + str(share) + "%|###   | 1/2 [00:01<00:01, Loss=0.1]")
    sys.stderr.flush()
    time.sleep({pause})
# The program of the docs makes the model, and the trainer's own place gets it.
subprocess.run([sys.executable, "-I", str(here / "points.py"), str(mounts["/output"].parent)], check=True)
end = words[words.index("--iterations") + 1]
place = mounts["/output"] / "point_cloud" / ("iteration_" + end)
place.mkdir(parents=True)
(mounts["/output"] / "model.ply").rename(place / "point_cloud.ply")
"""


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float = 0.0) -> Path:
    here = tmp_path / "docker"
    here.mkdir()
    (here / "points.py").write_text(example())
    (here / "docker").write_text(DOCKER.format(python=sys.executable, here=str(here), pause=pause))
    (here / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{here}:/usr/bin:/bin")
    monkeypatch.setenv("DATABASE_URL", "postgresql://hidden")
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere.sock")
    return here


def calls(here: Path) -> list[list[str]]:
    return [json.loads(line) for line in (here / "calls.jsonl").read_text().splitlines()]


def test_the_trainer_runs_walled_in_and_its_model_is_found(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand_in(tmp_path, monkeypatch)
    setup = Setup(identity="feed", image="gs:latest", gpus="all", user="1000:1000")
    write_setups(folder, {"3dgs": setup}, EngineLimits(memory_mb=9000))
    sink = Recorder()
    wanted = {"preset": "fastest", "long_side": 120, "engine": "3dgs", "iterations": 500, "sh_degree": 1}
    STEPS["generate"].run(folder.root, wanted, sink)
    (model,) = sink.models
    engine = {key: value for key, value in model.details["engine"].items() if key != "seconds"}
    assert engine == {"name": "3dgs", "version": "sha256:" + "ab" * 32, "command_sha256": "feed"}
    assert model.iterations == 500
    leftover, run, _ = calls(here)
    words = " ".join(run)
    for asked in (
        "--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--pull never", "--rm",
        "--memory 9000m", "--gpus all", "--user 1000:1000", "--pids-limit", ",target=/input,readonly",
        "gs:latest python train.py --source_path /input --model_path /output --iterations 500",
        "--sh_degree 1 --resolution 120",
    ):  # fmt: skip
        assert asked in words, asked
    assert words.count("readonly") == 1
    name = run[run.index("--name") + 1]
    assert leftover == ["rm", "--force", name], "of a killed worker's attempt"
    environment = json.loads((here / "environment.json").read_text())
    assert "DATABASE_URL" not in environment and environment["DOCKER_HOST"] == "unix:///somewhere.sock"
    assert 0.6 in {fraction for stage, fraction, _ in sink.progressed if stage == "training"}


def test_a_container_is_removed_when_its_time_is_over(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand_in(tmp_path, monkeypatch, pause=30)
    write_setups(folder, {"3dgs": Setup(image="gs")}, EngineLimits(timeout_s=0.5))
    with pytest.raises(EngineTimedOutError):
        STEPS["generate"].run(folder.root, {"engine": "3dgs"}, Recorder())
    first, run, last = calls(here)
    assert first == last == ["rm", "--force", run[run.index("--name") + 1]]


def test_without_docker_the_step_fails_in_words(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write_setups(folder, {"3dgs": Setup(image="gs")}, EngineLimits())
    with pytest.raises(EngineError) as failed:
        STEPS["generate"].run(folder.root, {"engine": "3dgs"}, Recorder())
    assert failed.value.details["exit"] == "exit code 127"


def test_a_home_with_a_comma_is_one_mount(tmp_path: Path) -> None:
    home = EngineFolder(tmp_path / "a,b" / "3dgs")
    program = gaussian_splatting.program(Setup(image="gs"), home, {}, EngineLimits())
    mounts = [word for word in program.argv if "target=/input" in word]
    assert mounts == [f'type=bind,"source={home.input}",target=/input,readonly']
    assert program.outputs["model.ply"] == "point_cloud/iteration_30000/point_cloud.ply"
