"""Writes requirements.lock and requirements-dev.lock: exact versions of a fresh installation, without any address."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Install into an empty environment, first what users need, then what tests need on top."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        runtime = freeze(python, ".")
        write(ROOT / "requirements.lock", runtime)
        everything = freeze(python, ".[dev]")
        write(ROOT / "requirements-dev.lock", sorted(set(everything) - set(runtime)))


def freeze(python: Path, what: str) -> list[str]:
    """Install and list what is there, without ourselves and without local version labels such as +cpu."""
    subprocess.run([python, "-m", "pip", "install", "--quiet", what], cwd=ROOT, check=True)
    frozen = subprocess.run(
        [python, "-m", "pip", "freeze", "--exclude", "maquette"], check=True, capture_output=True, text=True
    ).stdout
    lines = [line.split("+")[0] for line in frozen.splitlines()]
    if any("://" in line or "@" in line for line in lines):
        sys.exit("a requirement names an address; the lock must not")
    return lines


def write(path: Path, lines: list[str]) -> None:
    """One requirement a line."""
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
