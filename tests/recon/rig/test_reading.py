"""Twelve files, or a clear word about which of them is wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.recon.rig.figure import Making, write

from maquette.errors import MaquetteError
from maquette.recon.rig.reading import NamedFile, read_rig, sides_named
from maquette.recon.rig.sides import SIDES

SMALL = Making(size=80)


@pytest.fixture
def files(tmp_path: Path) -> tuple[list[NamedFile], list[NamedFile]]:
    return write(SMALL, tmp_path)


def refused(views: list[NamedFile], depths: list[NamedFile]) -> MaquetteError:
    with pytest.raises(MaquetteError) as caught:
        read_rig(views, depths)
    assert caught.value.suggestion
    return caught.value


def repainted(file: NamedFile, picture: np.ndarray) -> None:
    assert cv2.imwrite(str(file[1]), picture)


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("front.png", ["front"]),
        ("multi_views/Left.JPG", ["left"]),
        ("C:\\renders\\shoe_view-BACK_001.webp", ["back"]),
        ("leftDepth.png", ["left"]),
        ("rear view.png", ["back"]),
        ("above.tif", ["top"]),
        ("upright.png", []),
        ("front/view_03.png", []),
        ("front_left.png", ["front", "left"]),
    ],
)
def test_sides_are_told_by_whole_words_of_the_name(name: str, sides: list[str]) -> None:
    assert sides_named(name) == sides


def test_order_and_spelling_do_not_matter(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    renamed = [(f"x/{name.upper()}", path) for name, path in views[::-1]]
    read = read_rig(renamed, depths)
    assert tuple(view.side for view in read) == SIDES
    assert [view.name for view in read] == [f"x/{side.upper()}.PNG" for side in SIDES]
    for view in read:
        # Only the object has a depth, and it is what stands before white.
        assert (view.pixels[~view.known] == 255).all()
        assert view.values[view.known].max() == pytest.approx(1.0)


def test_missing_and_surplus_files_are_counted(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    error = refused(views[:5], depths)
    assert (error.code, error.details) == ("six_views_wrong_count", {"kind": "views", "found": 5})
    assert refused(views, [*depths, depths[0]]).details == {"kind": "depth renders", "found": 7}


def test_unknown_ambiguous_and_repeated_names_are_named(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    for name in ("view_03.png", "front_left.png"):
        error = refused([(name, views[0][1]), *views[1:]], depths)
        assert (error.code, error.details["file"]) == ("six_views_unknown_name", name)
    error = refused(views, [*depths[:5], ("rear.png", depths[5][1])])
    assert error.code == "six_views_side_twice"
    assert error.details == {
        "kind": "depth renders",
        "side": "back",
        "files": ["back.png", "rear.png"],
        "missing": ["bottom"],
    }


def test_another_size_or_shape_is_refused(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    picture = cv2.imread(str(views[2][1]))
    repainted(depths[4], cv2.resize(cv2.imread(str(depths[4][1])), (120, 80)))
    assert refused(views, depths).details["file"] == "top.png"
    repainted(views[2], cv2.resize(picture, (96, 96)))
    error = refused(views, depths)
    assert (error.code, error.details["file"]) == ("six_views_sizes_differ", "left.png")
    assert error.details["size"] == [96, 96]


def test_depths_of_another_resolution_are_brought_to_the_pictures(
    files: tuple[list[NamedFile], list[NamedFile]],
) -> None:
    views, depths = files
    before = read_rig(views, depths)[3]
    deep = cv2.imread(str(depths[3][1]), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 257
    repainted(depths[3], cv2.resize(deep, (160, 160), interpolation=cv2.INTER_NEAREST))
    after = read_rig(views, depths)[3]
    np.testing.assert_array_equal(after.known, before.known)
    np.testing.assert_allclose(after.values[after.known], before.values[before.known], atol=1e-6)


def test_stray_pixels_are_no_object(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    stray = cv2.imread(str(depths[0][1]), cv2.IMREAD_GRAYSCALE)
    stray[3:5, 3:5] = 255
    repainted(depths[0], stray)
    assert not read_rig(views, depths)[0].known[:6, :6].any()


def test_blank_pictures_and_depths_are_named(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    kept = cv2.imread(str(depths[1][1]))
    for value in (0, 200):
        repainted(depths[1], np.full((80, 80), value, np.uint8))
        error = refused(views, depths)
        assert (error.code, error.details["file"]) == ("six_views_blank", "back.png")
    repainted(depths[1], kept)
    repainted(views[5], np.full((80, 80, 3), 255, np.uint8))
    error = refused(views, depths)
    assert (error.code, error.details) == ("six_views_blank", {"kind": "views", "file": "bottom.png"})


def test_pictures_in_the_place_of_depths_are_noticed(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, _ = files
    error = refused(views, views)
    assert (error.code, error.details["file"]) == ("six_views_depth_not_grey", "front.png")


def test_broken_files_are_named(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    for content, code in ((b"", "empty_file"), (b"no image at all", "not_an_image")):
        views[3][1].write_bytes(content)
        error = refused(views, depths)
        assert (error.code, error.details["file"]) == (code, "right.png")


def test_transparent_pictures_stand_before_white(files: tuple[list[NamedFile], list[NamedFile]]) -> None:
    views, depths = files
    opaque = read_rig(views, depths)[0]
    picture = cv2.imread(str(views[0][1]))
    picture[~opaque.known] = (10, 200, 30)
    repainted(views[0], np.dstack([picture, opaque.known.astype(np.uint8) * 255]))
    read = read_rig(views, depths)[0]
    np.testing.assert_array_equal(read.pixels, opaque.pixels)
    assert read.alpha is not None
    np.testing.assert_array_equal(read.alpha > 0, opaque.known)
