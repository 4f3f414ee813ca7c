"""Builds our images without a Docker Engine and tries them as compose.yaml runs them.

    sudo .venv/bin/python tools/images --work DIR [--target api …] [--photos DIR] [--bind PATH …]

Needs root, and the Debian packages buildah and debootstrap. It performs the Dockerfile's own commands, stage by stage,
on a base made by debootstrap, then starts the images with a read-only root, as their own user, without capabilities:
`all` alone, then `api` and `worker-cpu` on the embedded stack of another `all`, as if that were a Supabase project. It
prints what was proved, with sizes and times, and stops where something was not. `--bind` lends builds what pip reads on
this machine. worker-cuda is built only when asked for (`--target worker-cuda`): it downloads some 3 GB and compiles for
long.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from building import Builder
from weighing import weigh

from journey import try_all, try_beside_supabase

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Build, weigh, try."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for storage and data; kept, so that a second run is quick"
    )
    parser.add_argument("--target", action="append", help="only build and weigh these")
    parser.add_argument("--photos", type=Path, help="photos for the journey (default: the village that Maquette makes)")
    parser.add_argument(
        "--bind", type=Path, action="append", default=[], help="a path of this machine that builds may read"
    )
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    builder = Builder(arguments.work.resolve(), tuple(arguments.bind))
    builder.make_base()
    images = {target: builder.build(CHECKOUT, target) for target in arguments.target or ("api", "worker-cpu", "all")}
    try:
        for target, image in images.items():
            weigh(builder, target, image)
        if not arguments.target:
            try_all(builder, images["all"])
            try_beside_supabase(builder, images, arguments.photos)
    finally:
        builder.close()


if __name__ == "__main__":
    main()
