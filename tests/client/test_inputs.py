"""What commands are given: folders gone through as a ZIP would be, and sent to the service in requests that hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette.client.batches import batches
from maquette.client.inputs import NoInputError, Sent, gather
from tests.steps.test_intake import MP4, SIDES, packed, picture


def lay(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def told(sent: list[Sent]) -> list[tuple[str, str]]:
    return [(one.folder, one.path.name) for one in sent]


def test_a_folder_is_gone_through_in_the_order_of_names(tmp_path: Path) -> None:
    scan = lay(tmp_path / "scan", dict.fromkeys(("b.jpg", "images/a.jpg", "sparse/0/cameras.bin", "a.jpg"), b"x"))
    assert told(gather([scan])) == [
        ("scan", "a.jpg"),
        ("scan", "b.jpg"),
        ("scan/images", "a.jpg"),
        ("scan/sparse/0", "cameras.bin"),
    ]
    assert told(gather([scan / "b.jpg"])) == [(".", "b.jpg")]


def test_what_nobody_means_is_left_out(tmp_path: Path) -> None:
    scan = lay(
        tmp_path / "scan",
        dict.fromkeys(
            (
                "images/a.jpg",
                "images_2/a.jpg",
                ".thumbs/a.jpg",
                ".hidden",
                "__MACOSX/a.jpg",
                "model/steps/images/0000.jpg",
                "older/steps/calls.json",
                "older/preview.jpg",
            ),
            b"x",
        ),
    )
    assert told(gather([scan], besides=scan / "model")) == [("scan/images", "a.jpg")]
    alone = lay(tmp_path / "alone", {"images_2/a.jpg": b"x"})
    assert told(gather([alone])) == [("alone/images_2", "a.jpg")], "reduced copies of nothing are photos"


def test_a_file_named_twice_is_one(tmp_path: Path) -> None:
    scan = lay(tmp_path / "scan", {"a.jpg": b"x"})
    assert len(gather([scan, scan / "a.jpg", scan])) == 1


def test_views_and_depths_keep_their_fields(tmp_path: Path) -> None:
    job = lay(tmp_path, {f"{where}/{side}.png": b"x" for where in ("v", "d") for side in SIDES})
    fields = [one.field for one in gather([], [job / "v"], [job / "d" / f"{side}.png" for side in SIDES])]
    assert fields == ["views"] * 6 + ["depth_renders"] * 6


@pytest.mark.parametrize("inputs", [[], ["nothing"], ["empty"]])
def test_nothing_to_work_on_is_said(tmp_path: Path, inputs: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoInputError) as caught:
        gather([tmp_path / name for name in inputs])
    assert caught.value.suggestion


def test_requests_keep_together_what_belongs_together(tmp_path: Path) -> None:
    photos = {f"images/{n:02d}.png": picture(n) for n in range(45)}
    masks = {"masks/.keep": b"", "images/19.mask.png": picture(255), "images/20.png.mask.png": picture(255)}
    beside = {"transforms.json": b"{}", "points.ply": b"ply", "walk.mp4": MP4, "README": b"hello"}
    scan = lay(tmp_path / "scan", {**photos, **masks, **beside})
    requests = batches(gather([scan]))
    names = [[one.path.name for one in request] for request in requests]
    assert {"transforms.json", "points.ply"} < set(names[0]), "cameras count only of one upload"
    everything = [name for request in names for name in request]
    assert sorted(everything) == sorted(
        {Path(name).name for name in {**photos, **masks, **beside}} - {"README", ".keep"}
    )
    subjects = [
        [name for name in request if name.endswith((".png", ".mp4")) and "mask" not in name] for request in names
    ]
    assert [len(request) for request in subjects] == [20, 20, 6]
    for mask, photo in (("19.mask.png", "19.png"), ("20.png.mask.png", "20.png")):
        assert [mask in request for request in names] == [photo in request for request in names]


def test_six_views_of_a_folder_go_in_one_request_by_their_fields(tmp_path: Path) -> None:
    files = {f"job/{where}/{side}.png": picture() for where in ("multi_views", "depth_renders") for side in SIDES}
    lay(tmp_path, {**files, "job/README": b"hello"})
    (request,) = batches(gather([tmp_path / "job"]))
    assert sorted((one.field, one.path.parent.name) for one in request) == (
        [("depth_renders", "depth_renders")] * 6 + [("views", "multi_views")] * 6
    )


def test_an_archive_is_sent_as_it_is(tmp_path: Path) -> None:
    lay(tmp_path, {"set.zip": packed({"a.png": picture()}), "note.txt": b"hello"})
    (request,) = batches(gather([tmp_path]))
    assert [one.path.name for one in request] == ["set.zip"]
    with pytest.raises(NoInputError):
        batches(gather([lay(tmp_path / "notes", {"note.txt": b"hello"})]))
