"""Shared fixtures. Shapes of `maquette.recon` signatures are checked at run time while tests run."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from maquette.embedded.stack import EmbeddedStack

install_import_hook("maquette.recon", "beartype.beartype")

CAPTURES = Path(__file__).resolve().parents[2] / "shared" / "captures"


@pytest.fixture(scope="session")
def captures() -> Path:
    """The real photos that lie beside the checkout; they are never committed, so they may be absent."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no real photos at {CAPTURES}: this test needs shared/captures beside the checkout")
    return CAPTURES


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack]:
    """One embedded stack for the whole test session (one for each xdist worker), migrated, thrown away after.

    ``stack.connections`` tells how to reach it. Its database is shared: tests make their own projects and owners.
    """
    from maquette.embedded.stack import run_stack
    from maquette.settings import Settings

    # Not under tmp_path: pytest closes that to other users, and Postgres runs as one when root runs the tests.
    home = Path(tempfile.mkdtemp(prefix="maquette-test-"))
    home.chmod(0o755)
    try:
        with run_stack(Settings(home=home, port=free_port())) as running:
            yield running
    finally:
        shutil.rmtree(home)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
