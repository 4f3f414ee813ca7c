"""Which engines this machine's settings set up, what is said of the others, and how a cancelled run ends one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from tests.steps.engines.programs import BEGIN, argv_of, example, living

from maquette.execution.engines import describe_engines, edition, limits_from, setups_of
from maquette.execution.process import run_step_process
from maquette.settings import BadSettingError, Settings, read_settings
from maquette.steps.engines import ENGINES
from maquette.steps.engines.errors import EngineUnavailableError
from maquette.steps.engines.setups import limits_of, setup_of
from maquette.steps.folder import Folder, write_json
from maquette.steps.parameters import GenerateParameters, RefineParameters


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path / "home"))
    return tmp_path


def test_all_are_off_and_each_names_what_it_needs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setups = setups_of(read_settings())
    assert {name: setup.setting for name, setup in setups.items()} == {
        "command": "MAQUETTE_ENGINE_COMMAND",
        "3dgs": "GS_3DGS_DOCKER_IMAGE",
        "lm": "GS_LM_ENABLE",
        "reconviagen": "RECONVIAGEN_COMMAND",
        "nvdiffrec": "NVDIFFREC_COMMAND",
        "both": "RECONVIAGEN_COMMAND",
        "fcgs": "FCGS_COMMAND",
        "hacpp": "HACPP_COMMAND",
    }
    assert not any(setup.available for setup in setups.values())
    monkeypatch.setenv("GS_LM_ENABLE", "true")
    assert setups_of(read_settings())["lm"].setting == "GS_LM_COMMAND"
    monkeypatch.setenv("GS_LM_COMMAND", "/nowhere/refine --fast")
    lm = setups_of(read_settings())["lm"]
    assert lm.reason == "GS_LM_COMMAND names a program that is not there." and "nowhere" not in lm.reason
    monkeypatch.setenv("GS_3DGS_DOCKER_IMAGE", "gs:latest")
    monkeypatch.setenv("PATH", str(home))
    assert setups_of(read_settings())["3dgs"].reason == "docker is not on the PATH."


def test_a_command_is_words_and_no_shell_reads_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FCGS_COMMAND", f"{sys.executable} 'a b' $HOME ; rm")
    assert read_settings().fcgs_command == (sys.executable, "a b", "$HOME", ";", "rm")
    monkeypatch.setenv("FCGS_COMMAND", f'["{sys.executable}", "a b"]')
    assert read_settings().fcgs_command == (sys.executable, "a b")
    assert setups_of(read_settings())["fcgs"].available
    for wrong in ("[1]", '["a"', "'a"):
        monkeypatch.setenv("FCGS_COMMAND", wrong)
        with pytest.raises(BadSettingError):
            read_settings()


def test_another_program_under_the_same_name_is_other_work(home: Path) -> None:
    def identity(script: str) -> tuple[str, ...]:
        settings = Settings(home=home, engine_command=argv_of(script, home / "engine.py"))
        return edition(setups_of(settings), "command")

    first = identity("print(1)")
    assert first == identity("print(1)") != identity("print(22)")
    assert str(home) not in first[0] and edition(setups_of(Settings(home=home)), "maquette") == ()


def test_the_step_is_told_what_the_machine_has(home: Path) -> None:
    settings = Settings(home=home, engine_command=(sys.executable, "x"), engine_timeout_s=5, engine_env=("TOKEN",))
    folder = Folder(home / "run")
    folder.root.mkdir()
    describe_engines(folder, settings, memory_mb=1000)
    assert setup_of(folder, "command").argv == (sys.executable, "x")
    assert limits_of(folder) == limits_from(settings, 1000)
    assert (limits_of(folder).memory_mb, limits_of(folder).passes) == (800, ("TOKEN",))
    with pytest.raises(EngineUnavailableError) as refused:
        setup_of(folder, "lm")
    assert refused.value.details == {"engine": "lm", "setting": "GS_LM_ENABLE"} and refused.value.status == 422


def test_every_engine_can_be_asked_for_where_it_says_so() -> None:
    for step, parameters in (("generate", GenerateParameters), ("refine", RefineParameters)):
        for engine in ENGINES:
            if step in engine.steps:
                assert parameters(engine=engine.name).engine == engine.name
    with pytest.raises(ValueError, match="leave enhancement out"):
        RefineParameters(engine="lm", enhancement="sdxl")


async def test_a_cancelled_run_asks_its_engine_to_end_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """Through the process of the step, which the engine is a child of."""
    write_json(folder / "project.json", {"views_kept": True})
    (folder / "images").mkdir()
    program = BEGIN + (
        "def asked(*_):\n    (folder / 'work/asked').write_text('yes')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, asked)\n"
        "hides = [sys.executable, '-c', 'import time; time.sleep(100)', str(folder)]\n"
        "subprocess.Popen(hides, start_new_session=True)\n"
        "say(progress=0.5, message='ready')\ntime.sleep(100)\n"
    )
    settings = Settings(home=tmp_path, engine_command=argv_of(program, tmp_path / "engine.py"))
    describe_engines(Folder(folder), settings)
    ready = asyncio.Event()

    def heard(stage: str, fraction: float, message: str) -> None:
        if "ready" in message:
            ready.set()

    async def keep(record: object) -> None:
        raise AssertionError("nothing is kept")

    step = run_step_process("generate", folder, {"engine": "command"}, memory_mb=0, on_progress=heard, on_record=keep)
    task = asyncio.create_task(step)
    await asyncio.wait_for(ready.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (folder / "engine/command/work/asked").read_text() == "yes"
    assert living(str(folder)) == []


async def test_an_engines_error_is_that_of_the_run(folder: Path, tmp_path: Path) -> None:
    write_json(folder / "project.json", {"views_kept": True})
    (folder / "images").mkdir()
    program = example().replace("sys.exit(65)", "pass").replace("points = list", "sys.exit(65); points = list")
    settings = Settings(home=tmp_path, engine_command=argv_of(program, tmp_path / "engine.py"))
    describe_engines(Folder(folder), settings)

    async def keep(record: object) -> None:
        raise AssertionError("nothing is kept")

    outcome = await run_step_process(
        "generate", folder, {"engine": "command"}, memory_mb=0, on_progress=lambda *_: None, on_record=keep
    )
    assert outcome.error is not None and (outcome.error["code"], outcome.status) == ("engine_refused_input", 422)
