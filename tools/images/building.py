"""The images, built by buildah from our Dockerfile on a base made here: no Docker Engine and no image registry needed.

The base stands for python:3.11-slim-bookworm: Debian bookworm's required packages and what that image adds to them. It
has Debian's own Python 3.11, where the official image has one that was compiled for it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE = "localhost/maquette-base:bookworm"
PACKAGES = "ca-certificates,netbase,tzdata,python3.11,python3.11-venv"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Builder:
    """buildah with a storage of its own under ``work``; ``binds`` are folders of this machine that builds may read."""

    work: Path
    binds: tuple[Path, ...] = ()

    def call(self, *arguments: str | Path, quiet: bool = True) -> str:
        """What buildah says on standard output; ends the program where it fails."""
        storage = ["--root", self.work / "storage", "--runroot", self.work / "run", "--storage-driver", "overlay"]
        done = subprocess.run(
            ["buildah", *storage, *arguments],
            stdout=subprocess.PIPE,
            stderr=None if not quiet else subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(f"buildah {arguments[0]} failed:\n{done.stdout[-3000:]}\n{(done.stderr or '')[-3000:]}")
        return done.stdout

    def make_base(self) -> None:
        """The image that ours begin with, unless a run before made it."""
        if BASE.rpartition(":")[0] in self.call("images"):
            return
        root = self.work / "base"
        if not root.exists():
            fresh = self.work / "base.partial"
            shutil.rmtree(fresh, ignore_errors=True)
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", fresh], check=True)
            fresh.rename(root)
        for left in [*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*_*")]:
            left.unlink()
        # As the official image, whose apt keeps nothing of what it fetched.
        (root / "etc/apt/apt.conf.d/keep-nothing").write_text(
            'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nAPT::Keep-Downloaded-Packages "false";\n'
        )
        for name in ("python", "python3"):
            link = root / "usr/local/bin" / name
            if not link.is_symlink():
                link.symlink_to("/usr/bin/python3.11")
        container = self.call("from", *self._policy(), "scratch").strip()
        self.call("add", container, root, "/")
        self.call("config", "--env", f"PATH={PATH}", container)
        self.call("commit", *self._policy(), "--rm", container, BASE)

    def build(self, checkout: Path, target: str) -> str:
        """One target of the Dockerfile; its name."""
        name = f"localhost/maquette:{target}"
        volumes = [option for path in self.binds for option in ("--volume", f"{path}:{path}:ro")]
        self.call(
            *("build", *self._policy(), "--isolation", "chroot", "--format", "docker", "--layers", "--pull-never"),
            *("--build-arg", f"PYTHON_IMAGE={BASE}", *volumes, "--ignorefile", checkout / ".dockerignore"),
            *("--target", target, "--tag", name, "--file", checkout / "Dockerfile", checkout),
        )
        return name

    def settings_of(self, image: str) -> dict[str, Any]:
        """Env, User, Entrypoint, Cmd, Healthcheck and the rest, by the names of Docker's own format."""
        found: dict[str, Any] = json.loads(self.call("inspect", "--type", "image", image))["Docker"]["config"]
        return found

    def open(self, image: str) -> Path:
        """The image's files, on top of which nothing is ever written."""
        container = self.call("from", *self._policy(), "--pull-never", image).strip()
        return Path(self.call("mount", container).strip())

    def close(self) -> None:
        """Let go of all that was opened."""
        self.call("umount", "--all")
        self.call("rm", "--all")

    def _policy(self) -> tuple[str | Path, ...]:
        path = self.work / "policy.json"
        if not path.exists():
            path.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        return ("--signature-policy", path)
