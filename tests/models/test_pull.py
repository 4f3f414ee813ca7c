"""Pulling from a hub over real HTTP: whole or not at all, resumed, checked, and never waiting for ever."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.models.conftest import CODE, WEIGHTS, everything, make_entry
from tests.models.hub_server import COMMIT, HubServer
from tests.ports import free_port

from maquette.errors import MaquetteError
from maquette.models.errors import (
    ChecksumError,
    FolderInTheWayError,
    ModelLicenceRefusedError,
    NotEnoughDiskError,
    PullRunningError,
    SourceRefusesError,
    SourceUnreachableError,
)
from maquette.models.installed import look
from maquette.models.pull import pull
from maquette.models.registry import HubSource, ModelEntry, UrlSource

WHOLE = {
    "model_index.json": b'{"_class_name": "X"}',
    "unet/weights.safetensors": WEIGHTS,
    "pipeline.py": CODE,
    "extra.onnx": b"o" * 50_000,
}


def test_a_model_is_fetched_checked_and_listed(hub: HubServer, entry: ModelEntry, tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    found = pull(
        entry,
        tmp_path,
        endpoint=hub.address,
        progress=lambda stage, fraction, message="": heard.append((fraction, message)),
    )
    assert everything(tmp_path / "sdxl") == WHOLE, "all that is wanted, and no notes of the client's"
    assert found.state == "pulled" and found.manifest is not None
    assert found.manifest.revision == COMMIT
    listed = found.manifest.files
    assert {path: file.sha256 for path, file in listed.items()} == {
        path: hashlib.sha256(content).hexdigest() for path, content in WHOLE.items()
    }
    assert {path: file.checked_against for path, file in listed.items()} == {
        "model_index.json": "hub", "unet/weights.safetensors": "hub", "pipeline.py": "hub", "extra.onnx": "nothing",
    }  # fmt: skip
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1)
    assert any("unet/weights.safetensors" in message for _, message in heard)
    asked = len(hub.requests)
    assert pull(entry, tmp_path, endpoint=hub.address).state == "pulled"
    assert len(hub.requests) == asked, "what is here is not asked for again"


@pytest.mark.parametrize("path", ["unet/weights.safetensors", "extra.onnx"])
def test_a_broken_connection_is_gone_on_with(hub: HubServer, entry: ModelEntry, tmp_path: Path, path: str) -> None:
    # The hub's client keeps what came in pieces of 10 MiB.
    large = b"abcdefgh" * 3_000_000
    (hub.files if path in hub.files else hub.plain)[path] = large
    hub.break_after = 22_000_000
    assert pull(entry, tmp_path, endpoint=hub.address).state == "pulled"
    assert everything(tmp_path / "sdxl") == WHOLE | {path: large}
    [rest] = [wanted for _, asked, wanted in hub.requests if asked.endswith(path) and wanted]
    assert 20_000_000 <= int(rest.removeprefix("bytes=").split("-")[0]) <= 22_000_000


@pytest.mark.parametrize("share", [0.8, 1.0])
def test_a_pull_that_was_stopped_goes_on_where_it_was(hub: HubServer, tmp_path: Path, share: float) -> None:
    class StopError(Exception):
        pass

    def stop(stage: str, fraction: float, message: str = "") -> None:
        if "extra.onnx" in message and fraction >= share:
            raise StopError

    hub.plain["extra.onnx"] = b"o" * 600_000
    entry = make_entry(hub, bytes=600_000 + len(WEIGHTS) + len(CODE) + len(hub.files["model_index.json"]))
    with pytest.raises(StopError):
        pull(entry, tmp_path, endpoint=hub.address, progress=stop)
    assert look(entry, tmp_path).state == "partial"
    assert not (tmp_path / "sdxl").exists(), "half a model has no name"
    before = len(hub.requests)
    assert pull(entry, tmp_path, endpoint=hub.address).state == "pulled"
    fetched = [(path, wanted) for method, path, wanted in hub.requests[before:] if method == "GET"]
    assert all("weights" not in path for path, _ in fetched), "whole files are not fetched again"
    [rest] = [wanted for path, wanted in fetched if "extra" in path]
    assert rest is not None and int(rest.removeprefix("bytes=").rstrip("-")) >= 0.5 * 600_000
    assert everything(tmp_path / "sdxl") == WHOLE | {"extra.onnx": b"o" * 600_000}


def test_a_file_that_changed_meanwhile_is_begun_anew(hub: HubServer, tmp_path: Path) -> None:
    entry = make_entry(hub, sources=(UrlSource(f"{hub.address}/plain/extra.onnx", "extra.onnx"),))
    folder = tmp_path / ".pulling" / "sdxl"
    folder.mkdir(parents=True)
    (folder / "extra.onnx.part").write_bytes(b"x" * 100)
    (folder / "extra.onnx.part.etag").write_text('"of another file"')
    pull(entry, tmp_path)
    assert everything(tmp_path / "sdxl") == {"extra.onnx": b"o" * 50_000}


@pytest.mark.parametrize("path", ["model_index.json", "unet/weights.safetensors"])
def test_what_the_hub_did_not_announce_is_thrown_away(
    hub: HubServer, entry: ModelEntry, tmp_path: Path, path: str
) -> None:
    good = hub.files[path]
    hub.announced[path] = good
    hub.files[path] = good[:-1] + b"!"
    with pytest.raises(ChecksumError, match=path):
        pull(entry, tmp_path, endpoint=hub.address)
    assert not (tmp_path / "sdxl").exists()
    assert path not in everything(tmp_path / ".pulling" / "sdxl")
    hub.files[path] = good
    assert pull(entry, tmp_path, endpoint=hub.address).state == "pulled"


def test_the_registrys_checksums_have_the_last_word(hub: HubServer, tmp_path: Path) -> None:
    known = {"unet/weights.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
    source = HubSource("acme/model", COMMIT, ("*.safetensors",), known)
    found = pull(make_entry(hub, sources=(source,)), tmp_path / "good", endpoint=hub.address)
    assert found.manifest is not None
    assert [file.checked_against for file in found.manifest.files.values()] == ["registry"]
    wrong = HubSource("acme/model", COMMIT, ("*.safetensors",), {"unet/weights.safetensors": "0" * 64})
    with pytest.raises(ChecksumError):
        pull(make_entry(hub, sources=(wrong,)), tmp_path / "bad", endpoint=hub.address)
    url = f"{hub.address}/plain/extra.onnx"
    with pytest.raises(ChecksumError, match="49999"):
        pull(make_entry(hub, sources=(UrlSource(url, "extra.onnx", bytes=49_999),)), tmp_path / "short")


def test_noncommercial_weights_are_refused_unless_allowed(hub: HubServer, tmp_path: Path) -> None:
    entry = make_entry(hub, commercial=False, licence="CC-BY-NC-4.0")
    with pytest.raises(ModelLicenceRefusedError, match=r"CC-BY-NC-4\.0") as caught:
        pull(entry, tmp_path, endpoint=hub.address)
    assert "MAQUETTE_ALLOW_NONCOMMERCIAL_MODELS" in caught.value.suggestion
    assert not hub.requests
    assert pull(entry, tmp_path, endpoint=hub.address, allow_noncommercial=True).state == "pulled"


def test_offline_is_said_at_once(entry: ModelEntry, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(SourceUnreachableError, match=r"127\.0\.0\.1") as caught:
        pull(entry, tmp_path, endpoint=nowhere, timeout_s=2)
    url = make_plain(f"{nowhere}/plain/extra.onnx")
    with pytest.raises(SourceUnreachableError):
        pull(url, tmp_path, timeout_s=2)
    assert time.monotonic() - began < 60
    assert "models folder" in caught.value.suggestion


def test_a_server_that_never_answers_is_given_up(hub: HubServer, entry: ModelEntry, tmp_path: Path) -> None:
    began = time.monotonic()
    for silent in (("HEAD",), ("GET", "HEAD")):
        hub.silent = silent
        with pytest.raises(SourceUnreachableError, match="no answer in time"):
            pull(entry, tmp_path, endpoint=hub.address, timeout_s=0.3)
    with pytest.raises(SourceUnreachableError, match="no answer in time"):
        pull(make_plain(f"{hub.address}/plain/extra.onnx"), tmp_path, timeout_s=0.3)
    assert time.monotonic() - began < 60


def test_the_users_wish_to_stay_offline_is_kept(hub: HubServer, tmp_path: Path) -> None:
    """Read when the client is imported, so in a process of its own."""
    program = (
        "import sys; from pathlib import Path; from maquette.models.registry import find_model;"
        "from maquette.models.pull import pull; from maquette.errors import MaquetteError\n"
        "try: pull(find_model('depth-anything-v2-small'), Path(sys.argv[1]))\n"
        "except MaquetteError as error: print(error.code, error.message)"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, env=environment
    )
    assert "model_source_unreachable" in done.stdout and "HF_HUB_OFFLINE" in done.stdout
    assert not hub.requests


@pytest.mark.parametrize(
    ("sources", "says"),
    [
        ((HubSource("acme/model", "f" * 40, ("*.json",)),), "no revision"),
        ((HubSource("acme/other", COMMIT, ("*.json",)),), "no repository"),
        ((HubSource("acme/model", COMMIT, ("*.json", "*.flax")),), r"holds no \*.flax"),
    ],
)
def test_what_the_hub_does_not_have(hub: HubServer, tmp_path: Path, sources: tuple[HubSource], says: str) -> None:
    with pytest.raises(SourceRefusesError, match=says):
        pull(make_entry(hub, sources=sources), tmp_path, endpoint=hub.address)


@pytest.mark.parametrize("path", ["../../evil.json", "/tmp/evil.json", "unet/../../evil.json"])
def test_a_hub_that_would_write_elsewhere(hub: HubServer, entry: ModelEntry, tmp_path: Path, path: str) -> None:
    hub.files[path] = b"{}"
    with pytest.raises(SourceRefusesError, match="outside"):
        pull(entry, tmp_path / "models", endpoint=hub.address)
    assert not list(tmp_path.rglob("evil.json"))


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_server_that_refuses(hub: HubServer, entry: ModelEntry, tmp_path: Path, status: int) -> None:
    hub.status = status
    for model in (entry, make_plain(f"{hub.address}/plain/extra.onnx")):
        with pytest.raises(SourceRefusesError) as caught:
            pull(model, tmp_path, endpoint=hub.address, timeout_s=2)
        assert caught.value.code == "model_source_refuses"


def test_a_folder_of_the_users_is_never_touched(hub: HubServer, entry: ModelEntry, tmp_path: Path) -> None:
    (tmp_path / "sdxl").mkdir()
    (tmp_path / "sdxl" / "mine.txt").write_text("mine")
    with pytest.raises(FolderInTheWayError):
        pull(entry, tmp_path, endpoint=hub.address)
    assert everything(tmp_path / "sdxl") == {"mine.txt": b"mine"}


def test_a_new_revision_replaces_the_old_when_it_is_whole(hub: HubServer, entry: ModelEntry, tmp_path: Path) -> None:
    pull(entry, tmp_path, endpoint=hub.address)
    manifest = tmp_path / "sdxl" / "maquette.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"revision": "old"}))
    (tmp_path / "sdxl" / "old.bin").write_text("left over")
    assert look(entry, tmp_path).state == "outdated"
    hub.status = 500
    with pytest.raises(MaquetteError):
        pull(entry, tmp_path, endpoint=hub.address)
    assert look(entry, tmp_path).state == "outdated", "the old one stays until the new one is here"
    hub.status = None
    assert pull(entry, tmp_path, endpoint=hub.address).state == "pulled"
    assert everything(tmp_path / "sdxl") == WHOLE
    assert not any(path.is_dir() for path in (tmp_path / ".pulling").iterdir())


def test_two_pulls_of_one_model_do_not_meet(hub: HubServer, entry: ModelEntry, tmp_path: Path) -> None:
    (tmp_path / ".pulling").mkdir()
    with (tmp_path / ".pulling" / "sdxl.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PullRunningError):
            pull(entry, tmp_path, endpoint=hub.address)
    assert pull(entry, tmp_path, endpoint=hub.address).state == "pulled"


def test_a_model_that_does_not_fit_is_not_begun(hub: HubServer, tmp_path: Path) -> None:
    entry = make_entry(hub, bytes=10**18)
    with pytest.raises(NotEnoughDiskError, match=r"1000000000\.0 GB"):
        pull(entry, tmp_path, endpoint=hub.address)
    assert not [path for method, path, _ in hub.requests if method == "GET" and "resolve" in path]


def make_plain(url: str) -> ModelEntry:
    return ModelEntry(
        name="plain", purpose="a test", kind="onnx", licence="MIT", licence_url="", commercial=True, bytes=50_000,
        revision="release 1", sources=(UrlSource(url, "extra.onnx"),),
    )  # fmt: skip
