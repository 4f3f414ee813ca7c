"""Steps on this machine without a server: a sink that draws bars, and what commands that write to a folder share."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console

from maquette.cli import verdicts
from maquette.cli.bars import Bars
from maquette.errors import BadInputError, WrongStateError
from maquette.steps.records import Images, Model, Preview, Record, Views, Warn

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


class OutNotWritableError(BadInputError):
    """Results cannot be written where they were asked for."""

    code = "out_not_writable"


class OutInUseError(WrongStateError):
    """Another call works in this OUT."""

    code = "out_in_use"


@dataclass
class LocalSink:
    """Files are kept by being in the folder; records are remembered for the summary."""

    bars: Bars
    records: list[Record] = field(default_factory=list)
    warnings: list[Warn] = field(default_factory=list)

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Draw it."""
        self.bars.update(stage, fraction, message)

    def keep(self, record: Record) -> None:
        """Remember a record and tell what is worth telling at once."""
        self.records.append(record)
        match record:
            case Images():
                self._tell_images(record)
            case Views():
                for line in verdicts.told_of_places(record.placements):
                    self.bars.say(line)
                for line in verdicts.told_of_set(record.capture) if record.capture else ():
                    self.bars.say(line)
            case Model():
                mean = record.mean()
                inputs = (record.details.get("inputs_measured") or {}).get("mean")
                if mean is not None:
                    self.bars.say(metric_line(record.version, mean.psnr, mean.ssim))
                elif inputs:
                    self.bars.say(inputs_line(record.version, inputs))
                else:
                    self.bars.say(f"v{record.version}: not measured, for every view taught it")
            case _:
                pass

    def images(self) -> Images:
        """What was taken in."""
        return next(record for record in self.records if isinstance(record, Images))

    def views(self) -> Views:
        """The cameras that were found."""
        return next(record for record in self.records if isinstance(record, Views))

    def _tell_images(self, images: Images) -> None:
        table = verdicts.table_of(images.images)
        if table is not None:
            self.bars.show(table)
        for line in verdicts.told_of_upload(images):
            self.bars.say(line)

    def show(self, preview: Preview) -> None:
        """A terminal shows no pictures."""

    def warn(self, warning: Warn) -> None:
        """Remember and show a warning."""
        self.warnings.append(warning)
        self.bars.say(f"  {'degraded' if warning.degraded else 'note'}: {warning.message} {warning.suggestion}")


def writable_folder(path: Path, *, option: str = "--out") -> Path:
    """The folder, made where it is missing. Raises ``out_not_writable`` before any work is done in vain."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise OutNotWritableError(
            f"Nothing can be written to {path}: {error.strerror}.", suggestion=f"Choose another {option}."
        ) from None


@contextmanager
def alone_in(folder: Path, out: Path) -> Iterator[None]:
    """No other call may work in ``folder``, of the ``out`` that the user named, meanwhile. Raises ``out_in_use``."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutInUseError(
                f"Another call is at work in {out}.", suggestion="Wait for it, or choose another --out."
            ) from None
        yield


@contextmanager
def stoppable(advice: str) -> Iterator[None]:
    """Let Ctrl-C end the command in words, with its usual exit code."""
    try:
        yield
    except KeyboardInterrupt:
        Console(stderr=True).print(f"Stopped. {advice}", highlight=False)
        raise typer.Exit(INTERRUPTED) from None


def metric_line(version: int, psnr: float, ssim: float) -> str:
    """The line that scripts read: one for each model version."""
    return f"v{version}: held-out PSNR {psnr:.2f} dB SSIM {ssim:.3f}"


def inputs_line(version: int, mean: Mapping[str, float | None]) -> str:
    """Of a model whose every view taught it: how well it shows them, which is no held-out number."""
    shown = {"psnr": "PSNR {:.2f} dB", "ssim": "SSIM {:.3f}", "depth_mae": "depth MAE {:.4f}"}
    told = " ".join(words.format(value) for name, words in shown.items() if (value := mean.get(name)) is not None)
    return f"v{version}: on the views it learned from {told}"
