"""Shared fixtures. Shapes of `maquette.recon` signatures are checked at run time while tests run."""

from __future__ import annotations

from pathlib import Path

import pytest
from jaxtyping import install_import_hook

install_import_hook("maquette.recon", "beartype.beartype")

CAPTURES = Path(__file__).resolve().parents[2] / "shared" / "captures"


@pytest.fixture(scope="session")
def captures() -> Path:
    """The real photos that lie beside the checkout; they are never committed, so they may be absent."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no real photos at {CAPTURES}: this test needs shared/captures beside the checkout")
    return CAPTURES
