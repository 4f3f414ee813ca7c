"""Steps on this machine without a server: a sink that draws bars and remembers what was kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from maquette.cli.bars import Bars
from maquette.steps.records import Images, Model, Record, Views, Warn


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
                for image in record.images:
                    for reason in image.reasons:
                        self.bars.say(f"  {image.verdict}: {reason.message} {reason.suggestion}")
            case Views():
                placed = sum(p.placed for p in record.placements)
                self.bars.say(f"{placed} of {len(record.placements)} photos placed.")
                for photo in record.placements:
                    if not photo.placed:
                        self.bars.say(f"  not placed: {photo.name}. {photo.reason}")
            case Model():
                mean = record.mean()
                if mean is not None:
                    self.bars.say(metric_line(record.version, mean.psnr, mean.ssim))
            case _:
                pass

    def warn(self, warning: Warn) -> None:
        """Remember and show a warning."""
        self.warnings.append(warning)
        self.bars.say(f"  {'degraded' if warning.degraded else 'note'}: {warning.message} {warning.suggestion}")


def metric_line(version: int, psnr: float, ssim: float) -> str:
    """The line that scripts read: one for each model version."""
    return f"v{version}: held-out PSNR {psnr:.2f} dB SSIM {ssim:.3f}"
