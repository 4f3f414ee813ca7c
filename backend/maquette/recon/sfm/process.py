"""Run one job of :mod:`.child` and survive whatever it does.

Progress comes as JSON lines over a pipe of its own, so that nothing a library prints can be taken for a message.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import maquette
from maquette.progress import Progress
from maquette.recon.sfm.errors import SfmCrashedError

LOG_FILE = "sfm.log"
_POLL_S = 0.5
_TAIL_BYTES = 4000


class JobRefusedError(Exception):
    """The child found the input unusable; ``code`` and ``details`` are the job's own."""

    def __init__(self, code: str, details: dict[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def run_child(job: str, request: dict[str, Any], work_dir: Path, progress: Progress) -> dict[str, Any]:
    """Run ``job`` with ``request`` (JSON) and return the answer it sends last.

    The listener is called at least twice a second, so a cancel takes effect while native code runs: whatever it
    raises ends the child and is raised on. Raises :class:`JobRefusedError` for what the job refuses and
    :class:`SfmCrashedError` when the process ends without an answer.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    request_file = work_dir / f"{job}.request.json"
    request_file.write_text(json.dumps(request))
    reader, writer = os.pipe()
    with (work_dir / LOG_FILE).open("wb") as log, os.fdopen(reader, "rb", buffering=0) as pipe:
        try:
            child = subprocess.Popen(
                [sys.executable, "-m", "maquette.recon.sfm.child", job, str(request_file), str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writer,),
                env=_environment(),
            )
        finally:
            os.close(writer)
        try:
            answer = _listen(pipe, progress)
            child.wait()
        finally:
            _end(child)
    if answer is None:
        raise SfmCrashedError(_how_it_ended(child.returncode), _tail(work_dir / LOG_FILE))
    if "refused" in answer:
        raise JobRefusedError(str(answer["refused"]), dict(answer.get("details", {})))
    return answer


def _listen(pipe: Any, progress: Progress) -> dict[str, Any] | None:
    """Pass progress on until the pipe closes; the answer is the message that holds ``answer``."""
    answer: dict[str, Any] | None = None
    last: tuple[str, float, str] | None = None
    pending = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], _POLL_S)
        if ready:
            chunk = pipe.read(65536)
            if not chunk:
                return answer
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "answer" in message:
                    answer = message["answer"]
                else:
                    last = (message["stage"], message["fraction"], message["message"])
                    progress(*last)
        elif last is not None:
            progress(*last)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=3)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _environment() -> dict[str, str]:
    """The child must import this very package, installed or not."""
    package_root = str(Path(maquette.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{package_root}{os.pathsep}{inherited}" if inherited else package_root}


def _how_it_ended(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return f"{name}, most often too little memory" if name == "SIGKILL" else name


def _tail(log: Path) -> str:
    try:
        file = log.open("rb")
    except FileNotFoundError:
        # The folder was cleared meanwhile: how the process ended is still worth telling.
        return ""
    with file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
        # file names only: where this machine keeps its files is nobody's business
        return re.sub(r"(?:/[^/\s:\"']+)+/", "", file.read().decode("utf-8", "replace"))
