"""What an image holds: bytes by package, and that nothing of it can be written by whoever runs there."""

from __future__ import annotations

import stat
from importlib.metadata import distributions
from pathlib import Path

from building import Builder

MB = 1e6


def weigh(builder: Builder, target: str, image: str) -> None:
    """Print the sizes; RuntimeError where the user of the image could change a file of it."""
    root = builder.open(image)
    user = int(builder.settings_of(image)["User"].partition(":")[0])
    packages = sizes_of(root / "opt/maquette/lib/python3.11/site-packages")
    whole, environment = bytes_under(root), bytes_under(root / "opt/maquette")
    print(f"\n{target}: {whole / MB:.0f} MB of files, {environment / MB:.0f} MB of them in /opt/maquette")
    largest = sorted(packages.items(), key=lambda item: -item[1])
    print("  " + ", ".join(f"{name} {size / MB:.0f}" for name, size in largest[:14]))
    print(f"  {len(packages)} packages; torch {'is' if 'torch' in packages else 'is not'} among them", flush=True)
    own = [path for path in root.rglob("*") if not path.is_symlink() and path.lstat().st_uid == user]
    if unexpected := [str(path) for path in own if path != root / "data"]:
        raise RuntimeError(f"{image}: its user owns {unexpected[:5]}")


def sizes_of(site_packages: Path) -> dict[str, int]:
    """Bytes of each installed package, byte code included."""
    found = {}
    for one in distributions(path=[str(site_packages)]):
        files = [Path(str(one.locate_file(file))) for file in one.files or ()]
        found[one.metadata["Name"]] = sum(file.stat().st_size for file in files if file.exists())
    return found


def bytes_under(folder: Path) -> int:
    """Sizes of all files, each once however many names it has."""
    seen = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())
