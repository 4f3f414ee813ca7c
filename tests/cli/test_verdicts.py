"""The doctor's verdicts as they are printed: photo, verdict, why, what to do; then what holds of all."""

from __future__ import annotations

import io

from rich.console import Console

from maquette.cli.bars import Bars
from maquette.cli.local import LocalSink
from maquette.cli.verdicts import MOST_ROWS, set_verdict, table_of
from maquette.steps.records import File, Image, Images, Placement, Reason, Views, Warn

BLURRED = Reason(code="blurred", message="It is blurred.", suggestion="Hold still.")


def photo(index: int, *reasons: Reason, verdict: str = "ok", kind: str = "photo") -> Image:
    return Image.model_validate(
        {
            "image_index": index,
            "filename": f"[red]{index}[/b].jpg",
            "verdict": verdict,
            "reasons": reasons,
            "sha256": str(index),
            "width": 640,
            "height": 480,
            "sharpness": 100.0,
            "exposure": 0.5,
            "kind": kind,
        }
    )


def printed(*kept: Images | Views | Warn, terminal: bool = False) -> str:
    output = io.StringIO()
    with Bars(Console(file=output, width=100, force_terminal=terminal, color_system=None)) as bars:
        sink = LocalSink(bars)
        for one in kept:
            sink.warn(one) if isinstance(one, Warn) else sink.keep(one)
    return output.getvalue()


def test_each_finding_is_a_row_with_its_action_and_rejected_photos_come_first() -> None:
    text = printed(
        Images(
            images=(
                photo(0),
                photo(1, BLURRED, verdict="warning"),
                photo(2, Reason(code="x", message="It is cut off.", suggestion="Send it again."), verdict="rejected"),
            )
        )
    )
    lines = text.splitlines()
    rows = [index for index, line in enumerate(lines) if ".jpg" in line]
    assert [lines[index].split()[0] for index in rows] == ["[red]2[/b].jpg", "[red]1[/b].jpg"]
    assert all(word in lines[rows[0]] for word in ("left out", "It is cut off.", "Send it again."))
    assert all(word in lines[rows[1]] for word in ("look", "It is blurred.", "Hold still."))
    assert "2 of 3 photos can be used." in text
    assert "The set: left out." in text and "3 are the least" in text


def test_nothing_to_say_is_no_table_and_many_findings_end() -> None:
    assert table_of([photo(0)]) is None
    table = table_of([photo(n, BLURRED, verdict="warning") for n in range(MOST_ROWS + 5)])
    assert table is not None and table.row_count == MOST_ROWS + 1


def test_videos_cameras_and_masks_are_told() -> None:
    mask = File(kind="mask", path="masks/0000.jpg.png", mime="image/png")
    poses = File(kind="poses", path="incoming/poses/transforms.json", mime="application/json")
    video = {"name": "walk.mp4", "chosen": 22, "frames": 300, "wanted": 24, "wanted_because": "preset fastest"}
    frames = [photo(n, kind="frame") for n in range(1, 6)]
    text = printed(
        Images(images=(photo(0).model_copy(update={"mask": mask}), *frames), poses=(poses,), videos=(video,))
    )
    assert "1 of 1 photo can be used, 1 with a mask." in text and "5 of 5 frames can be used." in text
    assert "walk.mp4: 22 frames of 300 taken, 24 wanted (preset fastest)." in text
    assert "Known cameras came too: transforms.json." in text


def test_sets_of_one_and_six_views_have_no_verdict_as_a_set() -> None:
    assert set_verdict([photo(0)]) is None
    assert set_verdict([photo(n, kind="view") for n in range(6)]) is None


def test_places_the_set_and_degraded_warnings() -> None:
    capture = {"status": "warning", "reasons": [{"code": "x", "sentence": "One side is missing.", "action": "Go on."}]}
    views = Views(
        views=(),
        placements=(Placement(name="a", placed=True), Placement(name="b", placed=False, reason="It shares nothing.")),
        scene_files=(),
        eval_names=(),
        eval_width=1,
        eval_height=1,
        capture=capture,
    )
    text = printed(views, Warn(code="w", message="A stand-in.", degraded=True), Warn(code="n", message="A word."))
    for line in ("1 of 2 placed.", "not placed: It shares nothing.", "The set: look.", "One side is missing. Go on."):
        assert line in text
    assert "degraded: A stand-in." in text and "note: A word." in text
