"""A bundle's words about itself are taken apart in a process that may use little memory and time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.api.bundles import empty_bundle

from maquette.errors import MaquetteError
from maquette.execution.bundle_check import check_bundle


def bundle_saying(path: Path, manifest: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (("README.txt", b""), ("metrics.json", b"{}"), ("manifest.json", manifest)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return path


def nested(count: int) -> bytes:
    """A row of many empty lists: three bytes that take sixty in memory, each."""
    head = b'{"bundle":1,"generator":"x","made_at":"x","schema":"0001_x.sql","light":false,"project":{"name":"x"},'
    return head + b'"objects":{},"tables":{"runs":[{"result":[' + b"[]," * count + b"[]]}]}}"


async def test_a_sound_one_passes(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(empty_bundle())
    await check_bundle(tmp_path / "b.zip")


async def test_a_manifest_that_asks_for_too_much_memory(tmp_path: Path) -> None:
    """31 MB of it took 900 MB of the server's own memory."""
    path = bundle_saying(tmp_path / "b.zip", nested(1_000_000))
    await check_bundle(path)
    with pytest.raises(MaquetteError) as refused:
        await check_bundle(path, memory_mb=40)
    assert (refused.value.code, refused.value.status) == ("bundle_too_large", 413)


async def test_one_that_takes_too_long(tmp_path: Path) -> None:
    with pytest.raises(MaquetteError) as refused:
        await check_bundle(bundle_saying(tmp_path / "b.zip", nested(1000)), time_s=0.01)
    assert refused.value.code == "bundle_too_large"


@pytest.mark.parametrize(("data", "code"), [(b"no zip", "bundle_unreadable"), (b"", "bundle_unreadable")])
async def test_refusals_come_back_as_they_were(data: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(MaquetteError) as refused:
        await check_bundle(tmp_path / "b.zip")
    assert refused.value.code == code and refused.value.status == 422 and refused.value.suggestion
