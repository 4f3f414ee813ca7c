"""A container as compose.yaml starts one, by the kernel alone: root read-only, no right of root, no way to get one.

Needs root for the mounts. The network is this machine's, so ports have to be free.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# In namespaces of its own: process 1 is the image's entry point, and the mounts are gone with it.
ENTER = """
set -eu
root=$1 data=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
cd /
mount --bind "$data" "$root/data"
mount -t tmpfs -o size=1g,mode=1777,noexec,nosuid tmpfs "$root/tmp"
mount -t proc -o nosuid,noexec proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o size=64m,mode=1777 shm "$root/dev/shm"
mount --bind /etc/hosts "$root/etc/hosts"
mount -o remount,ro,bind "$root"
exec chroot "$root" "$@"
"""


@dataclass
class Container:
    """A running one; ``process`` is the tool that made the namespaces."""

    image: str
    root: Path
    environment: dict[str, str]
    lowered: tuple[str, ...]
    settings: Mapping[str, Any]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def first(self) -> int:
        """Process 1 of the container, by this machine's numbers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        while not (found := children.read_text().split()):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.image} has ended:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)
        return int(found[0])

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A command beside the others, as `docker exec` does."""
        inside = ["nsenter", "--mount", "--pid", f"--target={self.first}", "--wdns=/", "chroot", str(self.root)]
        return subprocess.run(
            [*inside, *self.lowered, *command],
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
        )

    def healthy(self) -> bool:
        """What the image's own HEALTHCHECK says."""
        test = self.settings["Healthcheck"]["Test"]
        return self.run(*test[1:]).returncode == 0

    def wait_healthy(self, patience_s: float = 180) -> float:
        """Seconds until it was; RuntimeError with the log's end where it never is."""
        began = time.monotonic()
        while time.monotonic() - began < patience_s and self.process.poll() is None:
            if self.healthy():
                return time.monotonic() - began
            time.sleep(0.5)
        raise RuntimeError(f"{self.image} did not become healthy:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """End it as `docker kill` or a lost machine does: with process 1 all others of the namespace are gone."""
        if self.process.poll() is None:
            os.kill(self.first, signal.SIGKILL)
            self.process.wait(30)

    def stop(self, patience_s: float = 60) -> tuple[int, float]:
        """SIGTERM to process 1, as `docker stop`; exit code and seconds."""
        began = time.monotonic()
        os.kill(self.first, signal.SIGTERM)
        return self.process.wait(patience_s), time.monotonic() - began


@contextmanager
def running(
    image: str,
    root: Path,
    settings: Mapping[str, Any],
    data: Path,
    environment: Mapping[str, str],
    command: Sequence[str] | None = None,
    *,
    init: bool = True,
) -> Iterator[Container]:
    """Started with the image's command or another one, ended at the latest with the block.

    ``init`` False leaves the entry point out, so that the command itself is process 1.
    """
    user, _, group = settings["User"].partition(":")
    lowered = (
        *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
        *("--inh-caps=-all", "--bounding-set=-all"),
    )
    env = {**dict(entry.split("=", 1) for entry in settings["Env"]), **environment}
    data.mkdir(parents=True, exist_ok=True)
    os.chown(data, int(user), int(group))
    log = data.parent / f"{data.name}.log"
    entry = settings["Entrypoint"] if init else []
    with log.open("ab") as said:
        process = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--fork", "/bin/sh", "-c", ENTER, "enter"),
                *(str(root), str(data), *lowered, *entry, *(command or settings["Cmd"])),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    container = Container(image, root, env, lowered, settings, process, log)
    try:
        yield container
    finally:
        container.kill()
