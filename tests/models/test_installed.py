"""What lies here is told, used or refused; checksums are recomputed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.models.conftest import make_entry
from tests.models.hub_server import HubServer

from maquette.models.errors import BadManifestError, UnknownModelError
from maquette.models.installed import DESCRIPTION, look, read_weights
from maquette.models.manifest import ListedFile, Manifest, read_manifest, write_manifest
from maquette.models.pull import pull
from maquette.models.registry import MODELS, HubSource, ModelEntry, UrlSource, find_model
from maquette.models.verify import verify
from maquette.recon.depth.families import FAMILIES
from maquette.recon.digest import sha256_of
from maquette.recon.enhance import fixer, sdxl
from maquette.recon.single import view_models
from maquette.recon.weights import WeightsMissingError


def verdicts(entry: ModelEntry, folder: Path) -> dict[str, str]:
    return {file.path: file.verdict for file in verify(look(entry, folder))}


def test_the_registry_is_whole() -> None:
    assert len({entry.name for entry in MODELS}) == len(MODELS)
    for entry in MODELS:
        assert entry.purpose and entry.licence and entry.licence_url.startswith("https://") and entry.bytes > 0
        for source in entry.sources:
            if isinstance(source, HubSource):
                assert len(source.revision) == 40 and int(source.revision, 16), "a full commit, never a branch"
            else:
                assert source.url.startswith("https://")
                assert "/main/" not in source.url and "/master/" not in source.url
        assert all(len(digest) == 64 and int(digest, 16) for digest in entry.known_sha256.values())
        assert entry.kind != "onnx" or entry.main_file is not None
        code = any(
            "*.py" in source.include or "pipeline.py" in source.include
            if isinstance(source, HubSource)
            else source.path.endswith(".py")
            for source in entry.sources
        )
        assert entry.brings_code == code
    larger_depth = {"depth-anything-v2-base", "depth-anything-v2-large"}
    assert {entry.name for entry in MODELS if not entry.commercial} == {"difix-ref", "zero123plus", *larger_depth}
    # What compute asks for by name is here.
    for name in (sdxl.BASE, sdxl.DEPTH, fixer.MODEL):
        assert find_model(name).kind == "diffusers"
    for name in FAMILIES:
        assert find_model(name).kind == "onnx"
    with pytest.raises(UnknownModelError, match="sd-9"):
        find_model("sd-9")


def test_verify_finds_what_changed(hub: HubServer, entry: ModelEntry, tmp_path: Path) -> None:
    folder = pull(entry, tmp_path, endpoint=hub.address).folder
    assert set(verdicts(entry, tmp_path).values()) == {"ok"}
    weights = folder / "unet" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[1234] ^= 1
    weights.write_bytes(content)
    (folder / "extra.onnx").unlink()
    (folder / "sneaked.py").write_text("")
    (folder / "notes.txt").write_text("mine")
    assert verdicts(entry, tmp_path) == {
        "extra.onnx": "missing", "model_index.json": "ok", "notes.txt": "unknown", "pipeline.py": "ok",
        "sneaked.py": "extra", "unet/weights.safetensors": "changed",
    }  # fmt: skip


def test_verify_does_not_believe_a_manifest_against_the_registry(hub: HubServer, tmp_path: Path) -> None:
    folder = tmp_path / "sdxl"
    folder.mkdir()
    (folder / "a.onnx").write_bytes(b"changed, and so was the list")
    listed = ListedFile(28, sha256_of(folder / "a.onnx"), "registry")
    entry = make_entry(hub, sources=(UrlSource("https://x.test/a.onnx", "a.onnx", sha256="0" * 64),))
    write_manifest(folder, Manifest("sdxl", entry.revision, "2026-01-01T00:00:00+00:00", {"a.onnx": listed}))
    assert verdicts(entry, tmp_path) == {"a.onnx": "changed"}


def test_a_folder_that_a_user_put_there(hub: HubServer, tmp_path: Path) -> None:
    entry = make_entry(hub, sources=(UrlSource("https://x.test/a.onnx", "a.onnx", sha256="0" * 64),))
    (tmp_path / "sdxl").mkdir()
    assert look(entry, tmp_path).state == "absent", "an empty folder is nothing"
    (tmp_path / "sdxl" / "b.json").write_text("{}")
    assert look(entry, tmp_path).state == "local"
    assert verdicts(entry, tmp_path) == {"a.onnx": "missing", "b.json": "unknown"}
    weights = read_weights(tmp_path)
    assert weights["sdxl"].revision == "local" and weights["sdxl"].folder == tmp_path / "sdxl"
    with pytest.raises(WeightsMissingError, match="u2net"):
        weights["u2net"]


def test_nothing_to_verify(hub: HubServer, entry: ModelEntry, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError):
        verify(look(entry, tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"name": 1}', b'{"name":"a","revision":"b","pulled_at":"c","files":[1]}', b"\xff"],
)
def test_a_manifest_that_cannot_be_read(entry: ModelEntry, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sdxl").mkdir()
    (tmp_path / "sdxl" / "maquette.json").write_bytes(content)
    with pytest.raises(BadManifestError):
        read_manifest(tmp_path / "sdxl")
    found = look(entry, tmp_path)
    assert found.state == "broken" and not found.usable
    with pytest.raises(BadManifestError):
        verify(found)
    problem = read_weights(tmp_path).problem("sdxl")
    assert problem is not None and problem.code == "model_manifest_broken"


def test_licences_are_asked_for_at_use_too(tmp_path: Path) -> None:
    (tmp_path / "difix-ref").mkdir()
    (tmp_path / "difix-ref" / "model_index.json").write_text("{}")
    problem = read_weights(tmp_path).problem("difix-ref")
    assert problem is not None and problem.code == "model_licence_refused"
    assert read_weights(tmp_path, allow_noncommercial=True).problem("difix-ref") is None


def test_code_is_trusted_only_when_named_pulled_and_pinned(tmp_path: Path) -> None:
    folder = tmp_path / "difix-ref"
    folder.mkdir()
    (folder / "pipeline.py").write_text("")
    allowed = {"allow_noncommercial": True, "trust_code": ("difix-ref",)}
    assert read_weights(tmp_path, **allowed)["difix-ref"].trusted_code == {}, "nobody knows where it is from"
    listed = {"pipeline.py": ListedFile(0, "a" * 64, "hub"), "model_index.json": ListedFile(0, "b" * 64, "hub")}
    revision = find_model("difix-ref").revision
    write_manifest(folder, Manifest("difix-ref", revision, "2026-01-01T00:00:00+00:00", listed))
    assert read_weights(tmp_path, **allowed)["difix-ref"].trusted_code == {"pipeline.py": "a" * 64}
    assert read_weights(tmp_path, allow_noncommercial=True)["difix-ref"].trusted_code == {}
    write_manifest(folder, Manifest("difix-ref", "older", "2026-01-01T00:00:00+00:00", listed))
    assert read_weights(tmp_path, **allowed)["difix-ref"].trusted_code == {}


def test_asking_what_is_here_imports_no_network() -> None:
    program = (
        "import sys, maquette.models.installed, maquette.models.verify;"
        "print(bool({'httpx', 'huggingface_hub', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_view_pipeline_of_ones_own_is_found_by_its_description(tmp_path: Path) -> None:
    """Whatever it is called, but not in the place of a model that the registry knows, and never with its code."""
    for name in ("my-views", "zero123plus", ".pulling", "other"):
        (tmp_path / name).mkdir()
    for name in ("my-views", "zero123plus", ".pulling"):
        (tmp_path / name / "views.json").write_text("{}")
    (tmp_path / "my-views" / "pipeline.py").write_text("raise SystemExit")
    weights = read_weights(tmp_path, trust_code=("my-views",))
    assert set(weights.models) == {"my-views"}, "zero123plus is not allowed, and 'other' describes nothing"
    assert (weights["my-views"].revision, dict(weights["my-views"].trusted_code)) == ("local", {})
    assert set(read_weights(tmp_path, allow_noncommercial=True).models) == {"my-views", "zero123plus"}
    assert read_weights(tmp_path / "nowhere").models == {}
    assert view_models.DESCRIPTION == DESCRIPTION, "what makes a folder found is what is then read"
