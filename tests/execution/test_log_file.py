"""A step's log keeps its head and its tail."""

from __future__ import annotations

from pathlib import Path

from maquette.execution.log_file import LogFile


def test_a_short_log_is_whole_and_goes_on_after_an_earlier_attempt(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    for word in (b"one\n", b"two\n"):
        log = LogFile(path)
        log.write(word)
        log.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert log.end() == "two\n", "the end is this attempt's"


def test_a_long_log_stays_within_its_bound_however_much_comes(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log.txt", most=1000, head=100, tail=300)
    for number in range(5000):
        log.write(f"{number:09d}\n".encode())
        assert (tmp_path / "log.txt").stat().st_size <= 1000 + 10
    log.close()
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert lines[:10] == [f"{number:09d}" for number in range(10)]
    assert lines[-30:] == [f"{number:09d}" for number in range(4970, 5000)]
    assert len([line for line in lines if "left out" in line]) == 1
    assert log.end().endswith("000004999\n")


def test_a_log_that_cannot_be_written_does_not_end_the_step() -> None:
    log = LogFile(Path("/dev/full"))
    log.write(b"lost\n")
    assert log.end() == "lost\n"
    log.close()
