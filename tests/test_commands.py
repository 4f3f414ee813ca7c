"""The commands that our pages show do what the pages say: each page is one session in a shell, as a reader has it.

They run as they stand; only the port is another. What cannot run here stands in :data:`NOT_RUN` with the reason, and a
block that is neither run nor listed fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image, ImageEnhance

from maquette.recon.synthetic import make_capture
from tests.execution.test_inputs import walk
from tests.fences import PAGES, ROOT, Fence, fences
from tests.serving import Server, environment, serving

LANGUAGES = ("sh", "bash", "python")
SESSIONS = (
    "README.md",
    "docs/access.md",
    "docs/api.md",
    "docs/client.md",
    "docs/inputs.md",
    "docs/live.md",
    "docs/sql.md",
    "docs/supabase.md",
    "docs/uploads.md",
    "docs/webhooks.md",
)
"""Pages whose commands run, each in one shell, in order."""
REFUSED = "curl -sS $API/projects/00000000-0000-0000-0000-000000000000"
"""A block that shows how a call is refused."""

SETS_UP = "installs, or runs for minutes: CI calls it, or what it is made of, by itself"
STAYS = "stays until it is ended; tests/serving.py starts it for many tests"
CONTAINERS = "needs a Docker Engine; tests/containers holds the files to their rules"
COMPUTES = "computes for minutes; tests/cli/test_reconstruct.py and test_taking_in.py give these commands other files"

# What cannot run here: by page the beginning of a block's first line, and why.
NOT_RUN: dict[str, dict[str, str]] = {
    "DEVELOPMENT.md": {
        "make install-dev": SETS_UP,
        ".venv/bin/python -m pytest": "tests in a test",
        "SUPABASE_URL=…": "needs a Supabase project",
    },
    "README.md": {"make demo": SETS_UP, "make test": SETS_UP, "make serve": STAYS},
    "docs/api.md": {
        """curl -sS "$API/export/$PROJECT?wait=600" -H "$JSON" -d '{"format": "glb\"""": (
            "a mesh takes a minute; tests/journey/test_exports.py makes these calls"
        ),
    },
    "docs/bundle.md": {".venv/bin/python tools/make_sample.py": SETS_UP},
    "docs/containers.md": {
        "cp maquette.env.example": CONTAINERS,
        "docker compose": CONTAINERS,
        "sudo .venv/bin/python tools/images": "builds four images; run by hand, and the page says what it found",
    },
    "docs/engines.md": {
        "curl -X POST $MAQUETTE": "needs a program that is no part of ours; tests/api/test_engines.py makes the call",
        '"""MAQUETTE_ENGINE_COMMAND': "tests/steps/engines runs it as it stands",
    },
    "docs/inputs.md": {
        "curl -sS $API/upload $(for file in photos/*.jpg": "tests/execution/test_inputs.py sends such files",
        ".venv/bin/maquette reconstruct": COMPUTES,
        ".venv/bin/maquette splat train": "tests/cli/test_splat.py gives it a scene",
    },
    "docs/refinement.md": {"weighed = weigh(": "an outline; tests/recon calls these functions"},
    "docs/scaling.md": {"set -a; . ./maquette.env": STAYS},
    "docs/supabase.md": {
        "cp maquette.env.example": "the four are filled in by hand",
        ".venv/bin/maquette serve": STAYS,
    },
    "docs/web.md": {"make serve": STAYS},
    "docs/webhooks.md": {
        "from maquette.webhooks.signature": "stands in a program that is called; tests/webhooks runs it"
    },
}

LEAVES = {
    "README.md": {"model.splat": b""},
    "docs/api.md": {
        "view.jpg": b"\xff\xd8",
        "shared.jpg": b"\xff\xd8",
        "model.splat": b"",
        "model.ply": b"ply\n",
        "fountain.bundle.zip": b"PK",
    },
    "docs/client.md": {"fountain.spz": b"\x1f\x8b"},
    "docs/supabase.md": {"maquette.sql": b"--"},
}
"""Files that a page's commands leave, and how each begins."""

SETTINGS = {"MAQUETTE_MAX_GAUSSIANS": "1500"}
"""Models stay so small that a preset takes seconds; the commands need not know."""

PRELUDE = """
set -eEuo pipefail
trap 'echo "FAILED: $BASH_COMMAND" >&2' ERR
curl() { command curl --fail-with-body "$@"; }
"""


def commands(page: Path) -> list[Fence]:
    return [fence for fence in fences(page) if fence.language in LANGUAGES]


def listed(fence: Fence) -> str | None:
    """The entry of :data:`NOT_RUN` that a block falls under."""
    return next((begin for begin in NOT_RUN.get(fence.page, ()) if fence.first.startswith(begin)), None)


def test_every_block_of_commands_is_run_or_listed() -> None:
    shown = [fence for page in PAGES for fence in commands(page)]
    neither = [fence for fence in shown if fence.page not in SESSIONS and listed(fence) is None]
    assert neither == [], "run these, or list them in NOT_RUN with the reason"
    entries = {(page, begin) for page, begins in NOT_RUN.items() for begin in begins}
    assert entries == {(fence.page, listed(fence)) for fence in shown if listed(fence)}, "listed, and shown by no page"
    assert REFUSED in [fence.first for fence in shown]
    assert all(any(fence.page == name and not listed(fence) for fence in shown) for name in SESSIONS)


@pytest.fixture(scope="module")
def small_server(homes: Callable[[], Path]) -> Iterator[Server]:
    with serving(homes(), settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has beside the commands: photos, a better one, a video."""
    folder = tmp_path_factory.mktemp("files")
    # Six neighbours of a walk around the village: enough to place cameras, and the quickest to.
    made = make_capture(folder / "made", views=16, width=240, height=180).paths
    (folder / "photos").mkdir()
    for photo in made[:6]:
        shutil.copy(photo, folder / "photos")
    with Image.open(folder / "photos" / "photo_02.jpg") as photo:
        ImageEnhance.Brightness(photo).enhance(1.05).save(folder / "better.jpg", quality=95)
    shutil.make_archive(str(folder / "photos"), "zip", folder / "photos")
    with Image.open(folder / "photos" / "photo_05.jpg") as photo:
        photo.resize((360, 270)).save(folder / "chair.jpg")
    walk(folder / "walk.mp4")
    return folder


@pytest.fixture
def here(files: Path, tmp_path: Path) -> Path:
    """A folder like a checkout after `make install`, with the reader's files in it."""
    for name in ("photos", "photos.zip", "better.jpg", "chair.jpg", "walk.mp4"):
        (tmp_path / name).symlink_to(files / name)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, program in (("python", ""), ("python3", ""), ("maquette", "-m maquette.cli")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {program} "$@"\n')
        (programs / name).chmod(0o755)
    return tmp_path


def read_as_a_reader(page: str, here: Path, server: Server, **variables: str) -> None:
    """Run what a page shows, block after block, in one shell."""
    script = [PRELUDE]
    for fence in commands(ROOT / page):
        if listed(fence):
            continue
        text = fence.text.replace("127.0.0.1:8400", f"127.0.0.1:{server.port}")
        if fence.language == "python":
            text = f".venv/bin/python - <<'PYTHON'\n{text}PYTHON\n"
        script.append(f"echo; echo '== {fence.page}:{fence.line}'")
        script.append(f"(unset -f curl\n{text}) | grep '\"error\"'" if fence.first == REFUSED else text)
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=here,
        env={
            **environment(server.home, server.port),
            "PATH": f"{here / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "MAQUETTE_SERVER": server.url,
            "XDG_CACHE_HOME": str(here / "cache"),
            "NO_PROXY": "*",
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    if folder := os.environ.get("MAQUETTE_TEST_ANSWERS"):
        (Path(folder) / f"{page.replace('/', '-')}.txt").write_text(done.stdout + done.stderr)
    for left, begins in LEAVES.get(page, {}).items() if done.returncode == 0 else ():
        data = (here / left).read_bytes()
        assert len(data) > 1000 and data.startswith(begins), left
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{server.log.read_text()[-1500:]}"


@pytest.mark.parametrize("name", [name for name in SESSIONS if name != "docs/supabase.md"])
def test_the_commands_of(name: str, here: Path, small_server: Server) -> None:
    read_as_a_reader(name, here, small_server)


def test_the_commands_beside_supabase(here: Path, small_server: Server, homes: Callable[[], Path]) -> None:
    """Step 5 of docs/supabase.md, with an embedded stack in the project's place."""
    stack: dict[str, Any] = json.loads((small_server.home / "run" / "stack.json").read_text())
    project = {
        "SUPABASE_URL": stack["supabase_url"],
        "SUPABASE_SECRET_KEY": stack["secret_key"],
        "SUPABASE_PUBLISHABLE_KEY": stack["publishable_key"],
        "SUPABASE_JWT_SECRET": stack["jwt_secret"],
        "DATABASE_URL": stack["database_url"],
    }
    with psycopg.connect(stack["database_url"], autocommit=True) as conn:
        conn.execute("insert into auth.users (id, email) values (gen_random_uuid(), 'you@example.org')")
    # The worker is the stack's own, on the same database.
    with serving(homes(), "--workers", "0", settings=project) as beside:
        read_as_a_reader("docs/supabase.md", here, beside, **project)
