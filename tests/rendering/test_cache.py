"""The cache on disk: its bound, its order, what killed processes leave behind."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from maquette.rendering.cache import FRESH_S, PARTIAL_S, UNUSED_S, Cache
from maquette.rendering.pictures import Picture, read_picture_file, write_picture_file

PROJECT = uuid4()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "renders", 1000)


def put(cache: Cache, name: str, size: int, age_s: float, project: UUID = PROJECT) -> Path:
    """A picture of so many bytes that was used so long ago."""
    path = cache.picture(project, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    used = time.time() - age_s
    os.utime(path, (used, used))
    return path


def test_the_longest_unused_go_first(cache: Cache) -> None:
    old, middle, new = (put(cache, name, 400, age) for name, age in (("a", 900), ("b", 600), ("c", 300)))
    assert cache.use(old)
    cache.make_room()
    assert old.exists() and new.exists() and not middle.exists()
    cache.make_room()
    assert old.exists() and new.exists(), "no more goes than has to"


def test_projects_share_the_bound(cache: Cache) -> None:
    other = put(cache, "a", 800, 900, uuid4())
    mine = put(cache, "a", 800, 300)
    cache.make_room()
    assert mine.exists() and not other.exists()


def test_what_is_in_use_stays(cache: Cache) -> None:
    """A model larger than the whole cache is drawn from all the same, and goes when it is no longer looked at."""
    huge = put(cache, "a", 5000, FRESH_S / 2)
    cache.make_room()
    assert huge.exists()
    put(cache, "a", 5000, FRESH_S * 2)
    cache.make_room()
    assert not huge.exists()


def test_left_over_and_long_unused(cache: Cache) -> None:
    young, dead = put(cache, ".x.1", 1, PARTIAL_S / 2), put(cache, ".x.2", 1, PARTIAL_S * 2)
    unused = put(cache, "a", 1, UNUSED_S + 60)
    cache.make_room()
    assert young.exists() and not dead.exists() and not unused.exists()


def test_room_is_made_while_files_come(cache: Cache) -> None:
    for number in range(40):
        cache.added(put(cache, f"{number:02}", 100, 4000 - number))
    kept = sorted(path.name for path in cache.root.glob("*/*/*"))
    assert kept == [f"{number:02}" for number in range(30, 40)]


def test_one_process_makes_room_at_a_time(cache: Cache) -> None:
    path = put(cache, "a", 5000, 900)
    with (cache.root / ".sweep").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        cache.make_room()
        assert path.exists()
    cache.make_room()
    assert not path.exists()


def test_other_accounts_see_nothing(cache: Cache) -> None:
    cache.make_room()
    assert cache.root.stat().st_mode & 0o077 == 0


def test_forgetting_a_project(cache: Cache) -> None:
    mine, other = put(cache, "a", 1, 0), put(cache, "a", 1, 0, uuid4())
    cache.forget(PROJECT)
    cache.forget(PROJECT)
    assert not mine.exists() and other.exists() and not cache.use(mine)


def test_pictures_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "p"
    picture = Picture(b"\x89PNG" + os.urandom(200), {"width": 3, "psnr": 20.5})
    write_picture_file(path, picture)
    assert read_picture_file(path) == picture
    whole = path.read_bytes()
    for damaged in (b"", whole[:10], whole[:-1], whole + b"x", b"x" + whole[1:]):
        path.write_bytes(damaged)
        assert read_picture_file(path) is None
    assert read_picture_file(tmp_path / "none") is None
