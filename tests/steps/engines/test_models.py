"""Models by other engines, through the real steps: what is made of a good one, and of one that fails."""

from __future__ import annotations

import json

import pytest
from tests.steps.conftest import GENERATE, Recorder
from tests.steps.engines.programs import BEGIN, example, set_up

from maquette import __version__
from maquette.recon.formats.ply_header import read_header
from maquette.recon.scenes.saved import load_saved_scene
from maquette.steps import STEPS
from maquette.steps.engines.engine import EngineLimits
from maquette.steps.engines.errors import (
    EngineError,
    EngineInputRefusedError,
    EngineNotApplicableError,
    EngineOutputRefusedError,
    EngineUnavailableError,
)
from maquette.steps.engines.options import check_rig
from maquette.steps.folder import Folder
from maquette.steps.parameters import GenerateParameters

WANTED = {"preset": "fastest", "long_side": 120, "engine": "command", "seed": 3}
SAME = BEGIN + 'say(version="2.0", progress=1)\nshutil.copyfile(folder / "input/model.ply", output / "model.ply")\n'


def test_the_program_of_the_docs_makes_a_version_that_ours_goes_on_from(folder: Folder) -> None:
    set_up(folder, "command", example())
    sink = Recorder()
    result = STEPS["generate"].run(folder.root, WANTED, sink)
    (model,) = sink.models
    engine = model.details["engine"]
    assert engine["name"] == "command" and engine["version"] == "1.0"
    assert engine["command_sha256"] == "0123456789abcdef" and engine["seconds"] > 0
    assert result["engine"] == engine
    scene = load_saved_scene(folder.scene)
    assert model.num_gaussians == len(scene.points) and model.sh_degree == 0
    mean = model.mean()
    assert mean is not None and mean.psnr > 9, "measured by us, and it shows the scene"
    with (folder.root / model.model.path).open("rb") as file:
        read_header(file, "model.ply")
        assert b"comment engine: command 1.0\n" in (folder.root / model.model.path).read_bytes()[: file.tell()]
    assert str(folder.root) not in model.model_dump_json()
    assert not (folder.root / "engine" / "command").exists(), "nothing of it is left"

    further = Recorder()
    wanted = {"num_iterations": 1, "from_version": 0, "steps_per_iteration": 20}
    STEPS["refine"].run(folder.root, wanted, further)
    (refined,) = further.models
    assert refined.details["engine"] == {"name": "maquette", "version": __version__}
    after = refined.mean()
    assert after is not None and after.psnr > mean.psnr


def test_an_engine_refines_and_the_round_says_so(generated: Folder) -> None:
    set_up(generated, "lm", SAME)
    sink = Recorder()
    STEPS["refine"].run(generated.root, {"num_iterations": 3, "from_version": 0, "engine": "lm"}, sink)
    (model,) = sink.models
    assert model.iteration is not None and model.iteration.method == "lm" and model.iteration.converged
    assert model.details["engine"]["version"] == "2.0" and model.parent_version == 0
    before, after = generated.load_model(0).mean(), model.mean()
    assert before is not None and after is not None and after.psnr == pytest.approx(before.psnr)
    assert not any(warning.code == "no_enhancement" for warning in sink.warnings)


def test_photos_that_measure_are_never_given_and_nothing_else_leaks(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://hidden")
    monkeypatch.setenv("HF_TOKEN", "hidden")
    monkeypatch.setenv("FOR_ENGINES", "given")
    look = BEGIN + (
        "files = sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())\n"
        "request = json.loads((folder / 'request.json').read_text())\n"
        "transforms = json.loads((folder / 'input/transforms.json').read_text())\n"
        "told = dict(files=files, env=dict(os.environ), request=request, frames=len(transforms['frames']))\n"
        "told['images'] = (folder / 'input/sparse/0/images.txt').read_text()\n"
        "(folder / 'work/seen.json').write_text(json.dumps(told))\n"
        "say(error=f'no weights in {folder}/weights')\nsys.exit(65)\n"
    )
    set_up(folder, "command", look, EngineLimits(passes=("FOR_ENGINES",)))
    with pytest.raises(EngineInputRefusedError) as refused:
        STEPS["generate"].run(folder.root, {**WANTED, "iterations": 7}, Recorder())
    assert refused.value.status == 422 and str(folder.root) not in refused.value.message
    assert "no weights in weights" in refused.value.message
    seen = json.loads((folder.root / "engine/command/work/seen.json").read_text())
    evaluation = json.loads(folder.evaluation.read_text())
    assert evaluation["names"] and not any(name in word for name in evaluation["names"] for word in seen["files"])
    assert not any(name in seen["images"] for name in evaluation["names"]) and seen["frames"] == 8
    assert {"input/points.ply", "input/sparse/0/cameras.txt", "input/sparse/0/points3D.ply"} <= set(seen["files"])
    assert not {"DATABASE_URL", "HF_TOKEN"} & set(seen["env"]) and seen["env"]["FOR_ENGINES"] == "given"
    assert seen["request"]["parameters"]["iterations"] == 7 and seen["request"]["inputs"]["model"] is None
    assert (seen["request"]["stage"], seen["request"]["seed"]) == ("generate", 3)


@pytest.mark.parametrize(
    ("ending", "kind", "code"),
    [
        ("sys.exit(1)", EngineError, "engine_failed"),
        ("sys.exit(69)", EngineUnavailableError, "engine_unavailable"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", EngineError, "engine_failed"),
        ("raise RuntimeError('/root/secret')", EngineError, "engine_failed"),
        ("", EngineOutputRefusedError, "engine_output_refused"),
    ],
)
def test_a_failure_ends_the_step_with_its_code(
    folder: Folder, ending: str, kind: type[EngineError], code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up(folder, "command", BEGIN + "say(progress=0.5)\nprint('its own words', flush=True)\n" + ending)
    sink = Recorder()
    with pytest.raises(kind) as failed:
        STEPS["generate"].run(folder.root, WANTED, sink)
    assert failed.value.code == code and failed.value.suggestion and failed.value.details["engine"] == "command"
    assert sink.models == [] and folder.next_version() == 0
    assert "its own words" in capfd.readouterr().out, "they go to the run's log"


def test_ours_stands_in_where_the_call_allows_it_and_says_so(folder: Folder) -> None:
    set_up(folder, "command", BEGIN + "sys.exit(3)")
    sink = Recorder()
    STEPS["generate"].run(folder.root, {**GENERATE, "engine": "command", "engine_fallback": True}, sink)
    (model,) = sink.models
    told = {"name": "maquette", "version": __version__, "asked": "command", "because": "engine_failed"}
    assert model.details["engine"] == told and model.iterations == GENERATE["iterations"]
    (warning,) = [warning for warning in sink.warnings if warning.degraded]
    assert warning.code == "engine_failed" and "exit code 3" in warning.message


def test_an_engine_that_fails_is_not_asked_again_in_later_rounds(generated: Folder) -> None:
    set_up(generated, "lm", BEGIN + "(folder.parents[1] / 'asked').open('a').write('x')\nsys.exit(3)")
    sink = Recorder()
    wanted = {"num_iterations": 2, "from_version": 0, "steps_per_iteration": 5, "convergence_threshold": 0}
    STEPS["refine"].run(generated.root, {**wanted, "engine": "lm", "engine_fallback": True}, sink)
    assert (generated.root / "asked").read_text() == "x"
    assert {model.details["engine"]["because"] for model in sink.models} == {"engine_failed"}
    assert {model.iteration.method for model in sink.models if model.iteration} == {"none"}


def test_where_no_engine_is_set_up_the_step_says_what_is_missing(folder: Folder) -> None:
    with pytest.raises(EngineUnavailableError, match="command"):
        STEPS["generate"].run(folder.root, WANTED, Recorder())


def test_six_views_are_for_ours_alone() -> None:
    with pytest.raises(EngineNotApplicableError):
        check_rig(GenerateParameters(engine="3dgs"))
    check_rig(GenerateParameters(engine="nvdiffrec"))
