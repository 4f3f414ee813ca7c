"""What ``maquette splat train`` keeps in OUT while it trains, so that the same call goes on where it was stopped.

A run is known by its work: the trainer's settings and the very scene. A hash of both is in the files' names, so a call
with other settings begins anew beside an unfinished run and never destroys it.
"""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import UnavailableError, WrongStateError
from maquette.recon.atomic import replacing
from maquette.recon.cameras import Camera
from maquette.recon.checkpoint import Checkpoint, CorruptCheckpointError, load_checkpoint, read_about
from maquette.recon.scene import Scene, View
from maquette.recon.train_settings import TrainSettings

CHECKPOINT_EVERY_S, CHECKPOINT_EVERY = 30.0, 500
WRITING_SHARE = 0.05
"""Where 500 iterations take less than twenty times as long as a checkpoint takes to be written, as on a GPU, those 30
seconds alone decide."""
NOTE_EVERY_S = 2.0
"""How often an attempt notes how long it has taken. What a kill leaves uncounted is less than this, except where it
came while the scene was loaded or the first iteration compiled the engine."""

Work = dict[str, Any]


class ForeignCheckpointError(WrongStateError):
    """The file has this run's name and holds another's state: somebody renamed it."""

    code = "foreign_checkpoint"


class CheckpointNotWrittenError(UnavailableError):
    """The state of the training could not be kept: going on would put hours at risk."""

    code = "checkpoint_not_written"


@dataclass
class Attempt:
    """The share of one call in a run. ``to_iteration`` is the last one made, whether or not it was kept."""

    backend: str
    from_iteration: int
    to_iteration: int
    seconds_total: float
    seconds_training: float
    peak_memory_mb: float


def sweep(out: Path) -> None:
    """Remove what a kill in the midst of writing left in ``out``, where no other call may be at work."""
    for pattern in ("checkpoint-*.part", ".checkpoint-*", ".model.ply.*", ".metrics.json.*", ".preview.jpg.*"):
        for path in out.glob(pattern):
            path.unlink()


def work_of(scene: Scene, settings: TrainSettings) -> Work:
    """What decides which model comes out, as JSON gives it back. Reads all photos."""
    work: Work = json.loads(json.dumps({"settings": asdict(settings), "scene": _fingerprint(scene)}))
    return work


def _fingerprint(scene: Scene) -> str:
    """Of cameras, points and the photos' bytes; where they lie and when they were written does not count."""
    digest = hashlib.sha256()
    for view in scene.views:
        for field in fields(View):
            value = getattr(view, field.name)
            if isinstance(value, Camera):
                value = value.as_dict()
            elif isinstance(value, Path):
                value = hashlib.sha256(value.read_bytes()).hexdigest() if value.is_file() else None
            digest.update(json.dumps([field.name, value]).encode())
    for array in (scene.points, scene.colors):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class Run:
    """The files of one piece of work in OUT; ``began`` is when this call did (``time.monotonic``)."""

    def __init__(self, out: Path, work: Work, *, backend: str, began: float) -> None:
        name = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()[:8]
        self.work = work
        self.path, self.log = out / f"checkpoint-{name}.npz", out / f"checkpoint-{name}.json"
        self.kept_iteration = 0
        self.earlier: list[Attempt] = []
        self.attempt = Attempt(backend, 0, 0, 0.0, 0.0, 0.0)
        self._began, self._training_since = began, 0.0
        self._kept_at = self._noted_at = began
        self._writing_s = 0.0

    def recover(self) -> Checkpoint | None:
        """The state that an earlier call left, or None. Raises ``corrupt_checkpoint`` or ``foreign_checkpoint``."""
        if not self.path.exists():
            self.earlier = self._noted_attempts([])
            return None
        advice = f"Put a good copy in its place, or call again with --fresh to throw {self.path} away and begin anew."
        try:
            about = read_about(self.path)
            if about.get("work") != self.work:
                raise ForeignCheckpointError(
                    f"The checkpoint {self.path.name} is of another run: {differences(self.work, about.get('work'))}.",
                    suggestion=advice,
                )
            state = load_checkpoint(self.path)
        except CorruptCheckpointError as error:
            raise CorruptCheckpointError(error.message, suggestion=advice) from error
        self.earlier = self._noted_attempts(about.get("attempts", []))
        self.kept_iteration = self.attempt.from_iteration = self.attempt.to_iteration = state.iteration
        return state

    def others(self) -> Iterator[tuple[Path, Work | None]]:
        """Checkpoints of other work in OUT, with what they are of; None where that cannot be read."""
        for path in sorted(self.path.parent.glob("checkpoint-*.npz")):
            if path != self.path:
                try:
                    yield path, read_about(path).get("work")
                except CorruptCheckpointError:
                    yield path, None

    def forget(self) -> None:
        """Remove this run's files."""
        self.path.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)

    def begin_training(self) -> None:
        """Count the seconds of training from here."""
        self._training_since = self._kept_at = self._noted_at = time.monotonic()

    def due(self) -> bool:
        """Whether a checkpoint is to be kept after this iteration."""
        waited = time.monotonic() - self._kept_at
        made = self.attempt.to_iteration - self.kept_iteration
        return waited >= CHECKPOINT_EVERY_S or (made >= CHECKPOINT_EVERY and waited * WRITING_SHARE >= self._writing_s)

    def count(self, iteration: int) -> None:
        """Take note of an iteration."""
        self.attempt.to_iteration = iteration
        self.attempt.seconds_training = time.monotonic() - self._training_since
        self.tick()

    def tick(self) -> None:
        """Write down now and then how long this attempt has taken; call it often."""
        if time.monotonic() - self._noted_at >= NOTE_EVERY_S:
            self.note()

    def keep(self, state: Checkpoint) -> None:
        """Write a checkpoint in place of the one before. Raises ``checkpoint_not_written``."""
        began = time.monotonic()
        self.note()
        about = {"work": self.work, "attempts": [asdict(one) for one in self.attempts]}
        try:
            state.save(self.path, about=about)
        except OSError as error:
            raise self._not_written(error) from error
        self.kept_iteration, self._kept_at = state.iteration, time.monotonic()
        self._writing_s = self._kept_at - began

    def note(self) -> None:
        """Write down how long this attempt has taken so far. Raises ``checkpoint_not_written``."""
        self._noted_at = time.monotonic()
        self.attempt.seconds_total = self._noted_at - self._began
        self.attempt.peak_memory_mb = peak_memory_mb()
        try:
            with replacing(self.log) as file:
                file.write(json.dumps([asdict(one) for one in self.attempts], indent=1).encode())
        except OSError as error:
            raise self._not_written(error) from error

    @property
    def attempts(self) -> list[Attempt]:
        """Those of earlier calls and this one."""
        return [*self.earlier, self.attempt]

    def _noted_attempts(self, otherwise: list[Any]) -> list[Attempt]:
        """From the log, which knows more than the checkpoint; from that where the log is lost or damaged."""
        try:
            return [Attempt(**one) for one in json.loads(self.log.read_text())]
        except (OSError, ValueError, TypeError):
            return [Attempt(**one) for one in otherwise]

    def _not_written(self, error: OSError) -> CheckpointNotWrittenError:
        kept = f"the one of iteration {self.kept_iteration}" if self.kept_iteration else "none"
        return CheckpointNotWrittenError(
            f"Training stopped at iteration {self.attempt.to_iteration}, because its checkpoint could not be written "
            f"({error.strerror}); kept is {kept}.",
            suggestion="Free some space, or lift the limit; then the same call goes on from there.",
        )


def differences(mine: Work, theirs: Any) -> str:
    """What changed from another piece of work to this one, in words."""
    if not isinstance(theirs, dict) or not isinstance(theirs.get("settings"), dict):
        return "it does not say of which"
    before, now = theirs["settings"], mine["settings"]
    changed = [
        f"{name} {before.get(name, 'unset')} -> {now.get(name, 'unset')}"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]
    if theirs.get("scene") != mine["scene"]:
        changed.append("the photos, cameras or points of the scene are others")
    return ", ".join(changed) or "nothing that can be named"


def peak_memory_mb() -> float:
    """Of this process so far. Linux counts a child's ``ru_maxrss`` from what its parent held, so not that one there."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
