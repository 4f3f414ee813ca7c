"""``maquette reconstruct``: stopped and gone on with, repeated, added to, refused in words."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maquette.cli.memory import OtherPhotosError, in_known_order
from maquette.recon.synthetic import make_capture

COMMAND = [sys.executable, "-m", "maquette.cli"]


def maquette(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False)


def refused(answer: subprocess.CompletedProcess[str], code: str, exit_code: int = 1) -> None:
    """It ended with words, not with a trace."""
    assert answer.returncode == exit_code, answer.stderr
    assert "Traceback" not in answer.stderr
    assert code in answer.stderr


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("model.ply", "model.splat", "metrics.json", "preview.jpg")}


def versions(out: Path) -> list[int]:
    return [version["version"] for version in json.loads((out / "metrics.json").read_text())["versions"]]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("village")
    make_capture(folder, views=10, width=320, height=240)
    return folder


@pytest.fixture(scope="module")
def reconstructed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of a call that was stopped by Ctrl-C while it trained, and then made again to its end."""
    out = tmp_path_factory.mktemp("out") / "model"
    call = ["reconstruct", str(photos), "--out", str(out), "--preset", "fastest"]
    first = subprocess.Popen([*COMMAND, *call], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "steps/training/work.json").exists():
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()
        time.sleep(0.02)
    first.send_signal(signal.SIGINT)
    _, error = first.communicate(timeout=120)
    assert first.returncode == 130, error
    assert "Traceback" not in error and "goes on from here" in error
    assert not (out / "model.ply").exists()

    second = maquette(*call)
    assert second.returncode == 0, second.stderr
    assert "v0: held-out PSNR" in second.stdout and "v1: held-out PSNR" in second.stdout
    assert "mapping" not in second.stdout, "the cameras were searched again"
    return out


def test_a_stopped_call_goes_on_to_the_end(reconstructed: Path) -> None:
    metrics = json.loads((reconstructed / "metrics.json").read_text())
    assert versions(reconstructed) == [0, 1]
    assert metrics["photos_placed"] == metrics["photos"] == 10
    splits = {(m["split"], m["view_index"] is None) for m in metrics["versions"][0]["metrics"]}
    assert splits == {("held_out", True), ("held_out", False), ("training", True), ("training", False)}


def test_the_same_call_again_repeats_nothing(reconstructed: Path, photos: Path) -> None:
    before = contents(reconstructed)
    again = maquette("reconstruct", photos, "--out", reconstructed, "--preset", "fastest")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 3
    assert "training" not in again.stdout
    after = contents(reconstructed)
    assert after == before


def test_the_version_that_is_given_out_is_the_better_one(reconstructed: Path) -> None:
    metrics = json.loads((reconstructed / "metrics.json").read_text())
    quality = {
        version["version"]: next(
            m["overall_quality"] for m in version["metrics"] if m["split"] == "held_out" and m["view_index"] is None
        )
        for version in metrics["versions"]
    }
    assert metrics["promoted_version"] == max(quality, key=lambda version: quality[version])


def test_added_photos_train_and_the_held_out_ones_still_measure(
    reconstructed: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(reconstructed, out)
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    make_capture(tmp_path / "more", views=11, width=320, height=240)
    # first by name: numbers must not follow names
    shutil.copyfile(tmp_path / "more" / "photo_02.jpg", folder / "a_new_one.jpg")
    held_out = json.loads((out / "steps/evaluation.json").read_text())["names"]

    more = maquette("reconstruct", folder, "--out", out, "--preset", "fastest", "--refine", "0")
    assert more.returncode == 0, more.stderr
    assert versions(out) == [2], "a further version, from new cameras and a new training"
    assert json.loads((out / "steps/evaluation.json").read_text())["names"] == held_out
    record = json.loads((out / "steps/models/v2/record.json").read_text())
    inputs = {Path(path).name for path in record["model"]["made_from"]}
    assert "0010.jpg" in inputs, "the new photo is trained on"
    assert not inputs & set(held_out)
    entries = json.loads((out / "steps/incoming.json").read_text())
    assert entries[10]["filename"] == "a_new_one.jpg" and entries[0]["filename"] == "photo_01.jpg"

    refused(maquette("reconstruct", photos, "--out", out), "out_holds_other_photos")


def test_photos_keep_their_numbers(tmp_path: Path) -> None:
    for name in "bcd":
        (tmp_path / name).write_text(name)
    first, hashes = in_known_order([tmp_path / "b", tmp_path / "c"], [])
    assert [path.name for path in first] == ["b", "c"]
    (tmp_path / "a").write_text("c")  # a copy of c
    everything = sorted(tmp_path.iterdir())
    ordered, more = in_known_order(everything, hashes)
    assert [path.read_text() for path in ordered] == ["b", "c", "c", "d"]
    assert more[:2] == hashes
    with pytest.raises(OtherPhotosError):
        in_known_order([tmp_path / "b", tmp_path / "d"], hashes)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["{photos}", "--out", "{file}"], "out_not_writable"),
        (["{photos}", "--out", "{file}/below"], "out_not_writable"),
        (["{nothing}", "--out", "{out}"], "no_files"),
        (["{empty}", "--out", "{out}"], "no_files"),
        (["{photos}", "--out", "{out}", "--formats", "dwg"], "unknown_format"),
        (["{photos}", "--out", "{out}", "--formats", ","], "no_files"),
        (["{file}", "--out", "{out}"], "no_usable_photos"),
        (["--out", "{out}"], "no_files"),
        (["{photos}/photo_01.jpg", "{photos}/photo_02.jpg", "--out", "{out}"], "too_few_photos"),
        (["--views", "{photos}", "--depth-renders", "{photos}", "--out", "{out}"], "six_views_wrong_count"),
        (["{photos}/photo_01.jpg", "--views", "{photos}/photo_02.jpg", "--out", "{out}"], "mixed_inputs"),
    ],
)
def test_what_a_user_can_mend_is_told_in_words(arguments: list[str], code: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a photo")
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, **{name: tmp_path / name for name in ("file", "nothing", "empty", "out")}}
    answer = maquette("reconstruct", *(argument.format(**places) for argument in arguments))
    refused(answer, code)
    assert len([line for line in answer.stderr.splitlines() if line.strip()]) == 2, "what is wrong, and what to do"


def test_two_calls_at_once_in_one_out_are_refused(photos: Path, tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "steps").mkdir()
    with (tmp_path / "steps" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(maquette("reconstruct", photos, "--out", tmp_path), "out_in_use")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_in_words(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "incoming.json").symlink_to("/dev/full")
    refused(maquette("reconstruct", photos, "--out", tmp_path), "disk_full")
