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
REFUSED = {("docs/api.md", "curl -sS $API/projects/00000000-0000-0000-0000-000000000000")}
"""Blocks that show how a call is refused."""

SETS_UP = "installs, or runs for minutes: CI calls it, or what it is made of, by itself"
STAYS = "stays until it is ended; tests/serving.py starts it for nearly every test"
CONTAINERS = "needs a Docker Engine; tests/containers holds the files to their rules"
PROJECT = "needs a Supabase project, or changes the schema of one that others use; tests/db calls it"
MESH = "a mesh takes a minute; tests/journey/test_exports.py makes these calls"
INPUTS = "minutes of computing; tests/cli/test_reconstruct.py and test_taking_in.py give the same commands other files"
NOT_RUN: dict[tuple[str, str], str] = {
    ("DEVELOPMENT.md", "make install-dev"): SETS_UP,
    ("DEVELOPMENT.md", ".venv/bin/python -m pytest tests/recon/test_metrics.py -k ssim"): "tests in a test",
    (
        "DEVELOPMENT.md",
        "SUPABASE_URL=… SUPABASE_SECRET_KEY=… SUPABASE_PUBLISHABLE_KEY=… DATABASE_URL=… .venv/bin/python -m pytest -m supabase",
    ): PROJECT,
    ("README.md", "make demo"): SETS_UP,
    ("README.md", "make test"): SETS_UP,
    ("README.md", "make serve"): STAYS,
    (
        "docs/api.md",
        """curl -sS "$API/export/$PROJECT?wait=600" -H "$JSON" -d '{"format": "glb", "origin": "ground"}'""",
    ): MESH,
    ("docs/containers.md", "cp maquette.env.example maquette.env && chmod 600 maquette.env"): CONTAINERS,
    (
        "docs/containers.md",
        "docker compose --profile supabase up --build -d                        # migrate, API, one worker",
    ): CONTAINERS,
    (
        "docs/containers.md",
        "docker compose -f compose.yaml -f compose.selfhosted.yaml --profile supabase up --build -d",
    ): CONTAINERS,
    (
        "docs/containers.md",
        "sudo .venv/bin/python tools/images --work /var/tmp/maquette-images",
    ): "builds four images; run by hand, and docs/containers.md says what it found",
    (
        "docs/engines.md",
        "curl -X POST $MAQUETTE/api/v1/generate/$PROJECT -H 'content-type: application/json' \\",
    ): "needs a program that is no part of ours; tests/api/test_engines.py makes the call",
    (
        "docs/engines.md",
        """\"\"\"MAQUETTE_ENGINE_COMMAND="python3 points.py": every sparse point becomes a Gaussian.\"\"\"""",
    ): "tests/steps/engines runs it as it stands",
    (
        "docs/inputs.md",
        """curl -sS $API/upload $(for file in photos/*.jpg; do echo "-F file=@$file"; done) -F remove_bg=true""",
    ): "tests/execution/test_inputs.py sends these files",
    (
        "docs/inputs.md",
        ".venv/bin/maquette reconstruct photos --preset fastest --out model-of-photos",
    ): INPUTS,
    (
        "docs/inputs.md",
        ".venv/bin/maquette splat train SCENE --out run --iterations 2000 --downscale 4",
    ): "tests/cli/test_splat.py gives it a scene",
    (
        "docs/supabase.md",
        "cp maquette.env.example maquette.env && chmod 600 maquette.env    # git leaves it out; fill in the four",
    ): "the four are filled in by hand",
    ("docs/supabase.md", ".venv/bin/maquette db migrate"): PROJECT,
    ("docs/supabase.md", ".venv/bin/maquette serve                       # API, page and a worker"): STAYS,
    ("docs/web.md", "make serve                                         # the API, on 8400"): STAYS,
    (
        "docs/webhooks.md",
        "from maquette.webhooks.signature import verify",
    ): "stands in a program that is called; tests/webhooks checks signatures by it",
    (
        "docs/bundle.md",
        ".venv/bin/python tools/make_sample.py      # some minutes; writes the bundle, and frontend/src/projects/sample.{json,webp}",
    ): SETS_UP,
}
"""What cannot run here, by page and first line, and why."""

SETTINGS = {"MAQUETTE_MAX_GAUSSIANS": "1500"}
"""Models stay so small that a preset takes seconds; the commands need not know."""

PRELUDE = """
set -eEuo pipefail
trap 'echo "FAILED: $BASH_COMMAND" >&2' ERR
curl() { command curl --fail-with-body "$@"; }
"""


def commands(page: Path) -> list[Fence]:
    return [fence for fence in fences(page) if fence.language in LANGUAGES]


def test_every_block_of_commands_is_run_or_listed() -> None:
    shown = {(fence.page, fence.first): fence for page in PAGES for fence in commands(page)}
    neither = [
        f"{fence.page}:{fence.line}: {fence.first}"
        for known, fence in shown.items()
        if known not in NOT_RUN and fence.page not in SESSIONS
    ]
    assert neither == [], "run these, or list them in NOT_RUN with the reason"
    assert [known for known in NOT_RUN if known not in shown] == [], "listed, and shown by no page"
    assert shown.keys() >= REFUSED


@pytest.fixture(scope="module")
def small_server(homes: Callable[[], Path]) -> Iterator[Server]:
    with serving(homes(), settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has beside the commands: photos, a better one, a video."""
    folder = tmp_path_factory.mktemp("files")
    make_capture(folder / "made", views=9, width=240, height=180)
    (folder / "photos").mkdir()
    for photo in (folder / "made").glob("*.jpg"):
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
        if (fence.page, fence.first) in NOT_RUN:
            continue
        text = fence.text.replace("127.0.0.1:8400", f"127.0.0.1:{server.port}")
        if fence.language == "python":
            text = f".venv/bin/python - <<'PYTHON'\n{text}PYTHON\n"
        script.append(f"echo; echo '== {fence.page}:{fence.line}'")
        refused = (fence.page, fence.first) in REFUSED
        script.append(f"(unset -f curl\n{text}) | grep '\"error\"'" if refused else text)
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
