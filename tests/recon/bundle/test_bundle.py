"""The file of a bundle: what is written comes back, and what a stranger made of it is refused."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maquette.errors import MaquetteError
from maquette.recon.bundle import BundleTooLargeError, BundleWriter, Manifest, open_bundle
from maquette.recon.bundle.manifest import MOST_ROWS, read_manifest
from maquette.recon.bundle.writing import ObjectChangedError

ARTIFACT: dict[str, Any] = {"id": "a", "kind": "model", "removed_at": None}
MODEL: dict[str, Any] = {
    "version": 0,
    "parent_version": None,
    "promoted": True,
    "num_gaussians": 7,
    "psnr": 27.123,
    "ssim": 0.9,
    "model_artifact_id": "a",
}


def manifest(**tables: Any) -> Manifest:
    return Manifest("maquette 9", "2026-01-02T03:04:05Z", "0013_x.sql", False, {"name": "Füchse"}, tables)


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, Path]:
    """Objects by hash: one of several pieces, an empty one, a small one."""
    found = {}
    for data in (os.urandom(3_000_000), b"", b"small"):
        path = tmp_path / f"object-{len(data)}"
        path.write_bytes(data)
        found[hashlib.sha256(data).hexdigest()] = path
    return found


@pytest.fixture
def path(contents: dict[str, Path], tmp_path: Path) -> Path:
    target = tmp_path / "whole.zip"
    with BundleWriter(target) as writer:
        for digest, source in [*contents.items(), *contents.items()]:
            writer.add(digest, source)
        artifacts = [{**ARTIFACT, "sha256": next(iter(contents))}, {"id": "b", "sha256": "x", "removed_at": "then"}]
        told = manifest(artifacts=artifacts, gaussian_splat_models=[MODEL], refinement_metrics=[])
        writer.finish(replace(told, objects=writer.objects))
    return target


def code_of(path: Path) -> str:
    """How a whole reading is refused."""
    with pytest.raises(MaquetteError) as refused, open_bundle(path) as bundle:
        bundle.verify()
    assert refused.value.suggestion and refused.value.status in (413, 422)
    return refused.value.code


def test_what_is_written_comes_back(path: Path, contents: dict[str, Path], tmp_path: Path) -> None:
    with open_bundle(path) as bundle:
        assert bundle.manifest.objects == {digest: source.stat().st_size for digest, source in contents.items()}
        assert bundle.manifest.project == {"name": "Füchse"} and bundle.manifest.bundle == 1
        bundle.verify()
        for digest, source in contents.items():
            bundle.take(digest, tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == source.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == len(set(archive.namelist())) == 6
        words = archive.read("README.txt").decode()
        assert json.loads(archive.read("metrics.json"))["versions"][0]["psnr"] == 27.123
    assert "Füchse" in words and "v0 (promoted): 7 Gaussians, PSNR 27.12 dB SSIM 0.900" in words
    assert "1 files are not here" in words and "objects/" in words
    assert path.stat().st_size < 3_010_000


def test_large_ones_are_zip64(contents: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000_000)
    target = tmp_path / "large.zip"
    with BundleWriter(target) as writer:
        for digest, source in contents.items():
            writer.add(digest, source)
        writer.finish(replace(manifest(), objects=writer.objects))
    assert b"PK\x06\x06" in target.read_bytes()[-200:]
    with open_bundle(target) as bundle:
        bundle.verify()


def test_nothing_is_left_of_one_that_failed(contents: dict[str, Path], tmp_path: Path) -> None:
    target = tmp_path / "out" / "x.zip"
    with pytest.raises(ObjectChangedError), BundleWriter(target) as writer:
        writer.add("0" * 64, next(iter(contents.values())))
    with pytest.raises(RuntimeError, match="unfinished"), BundleWriter(target) as writer:
        pass
    with pytest.raises(BundleTooLargeError), BundleWriter(target) as writer:
        writer.finish(manifest(runs=[{}] * (MOST_ROWS + 1)))
    assert list((tmp_path / "out").iterdir()) == []


def again(path: Path, change: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> Path:
    """A bundle that ``change`` copies as it likes."""
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        change(old, new)
    return target


def copy(old: zipfile.ZipFile, new: zipfile.ZipFile, but: str = "", **options: Any) -> None:
    for name in old.namelist():
        if not but or not name.startswith(but):
            new.writestr(name, old.read(name), **options)


@pytest.mark.parametrize(
    "change",
    [
        lambda old, new: copy(old, new, compress_type=zipfile.ZIP_DEFLATED),
        lambda old, new: (copy(old, new), new.writestr("../../etc/passwd", "x")),
        lambda old, new: (copy(old, new), new.writestr("objects/../manifest.json", "x")),
        lambda old, new: (copy(old, new), new.writestr("objects/" + "0" * 64, "more than it lists")),
        lambda old, new: copy(old, new, but="objects/"),
        lambda old, new: copy(old, new, but="manifest"),
        lambda old, new: None,
    ],
    ids=["compressed", "path", "path of an object", "one more", "none", "no manifest", "empty"],
)
def test_other_files_than_its_own(path: Path, change: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> None:
    assert code_of(again(path, change)) == "bundle_unreadable"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice(path: Path) -> None:
    changed = again(path, lambda old, new: (copy(old, new), new.writestr("README.txt", "x")))  # type: ignore[func-returns-value]
    assert code_of(changed) == "bundle_unreadable"


def test_bytes_that_are_others(path: Path, contents: dict[str, Path]) -> None:
    """With its checksum right, so that only the hash can tell."""
    digest = next(iter(contents))

    def swap(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        copy(old, new, but=f"objects/{digest}")
        new.writestr(f"objects/{digest}", bytes(3_000_000))

    changed = again(path, swap)
    assert code_of(changed) == "bundle_unreadable"
    with open_bundle(changed) as bundle, pytest.raises(MaquetteError):
        bundle.take(digest, path.with_name("taken"))
    assert not path.with_name("taken").exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999, 0.99999])
def test_one_that_was_cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert code_of(path) == "bundle_unreadable"


def test_any_byte_may_be_wrong(path: Path) -> None:
    """It is refused in our own words, or the damage does not matter (times, attributes, words for people)."""
    data = bytearray(path.read_bytes())
    tail = len(data) - 3000
    for place in [*range(0, 200, 17), *range(tail, len(data), 13)]:
        broken = bytearray(data)
        broken[place] ^= 0x5A
        path.write_bytes(bytes(broken))
        try:
            with open_bundle(path) as bundle:
                bundle.verify()
        except MaquetteError as error:
            assert error.code in ("bundle_unreadable", "bundle_too_large", "bundle_newer")


def test_files_that_lie_over_each_other(path: Path, contents: dict[str, Path]) -> None:
    """As in zbsm.zip (Fifield 2019): a small file whose list names the same bytes many times."""
    data = b"x" * 100_000
    inner = hashlib.sha256(data).hexdigest()
    target = path.with_name("over.zip")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"objects/{inner}", data)
        told = archive.getinfo(f"objects/{inner}")
        names = {inner: len(data)}
        for number in range(50):
            other = hashlib.sha256(bytes([number])).hexdigest()
            one = zipfile.ZipInfo(f"objects/{other}")
            one.CRC, one.file_size, one.compress_size, one.header_offset = told.CRC, 100_000, 100_000, 0
            archive.filelist.append(one)
            archive.NameToInfo[one.filename] = one
            names[other] = len(data)
        archive.writestr("manifest.json", replace(manifest(), objects=names).as_json())
    assert code_of(target) == "bundle_unreadable"


def test_a_list_of_files_too_long_to_read(path: Path) -> None:
    """Its end says how long it is: what would not fit in memory is not read."""
    data = bytearray(path.read_bytes())
    data[-22:] = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**31, 0, 0)
    path.write_bytes(bytes(data))
    assert code_of(path) == "bundle_too_large"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bundle": 2}, "bundle_newer"),
        ({"bundle": "1"}, "bundle_unreadable"),
        ({"bundle": True}, "bundle_unreadable"),
        ({"light": "no"}, "bundle_unreadable"),
        ({"project": []}, "bundle_unreadable"),
        ({"tables": {"runs": [1]}}, "bundle_unreadable"),
        ({"tables": {"runs": {}}}, "bundle_unreadable"),
        ({"objects": {"0": 1}}, "bundle_unreadable"),
        ({"objects": {"0" * 64: -1}}, "bundle_unreadable"),
        ({"owner_id": "x"}, "bundle_unreadable"),
        ({"tables": {"runs": [{}] * (MOST_ROWS + 1)}}, "bundle_too_large"),
    ],
)
def test_manifests_that_are_none(change: dict[str, Any], code: str) -> None:
    told = json.loads(manifest().as_json())
    with pytest.raises(MaquetteError) as refused:
        read_manifest(json.dumps({**told, **change}).encode())
    assert refused.value.code == code


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 200_000, b'{"bundle": 1}'])
def test_words_that_are_no_manifest(data: bytes) -> None:
    with pytest.raises(MaquetteError) as refused:
        read_manifest(data)
    assert refused.value.code == "bundle_unreadable"
