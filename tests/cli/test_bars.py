"""Progress on a terminal and elsewhere shows users' text as it is."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from maquette.cli.bars import Bars

HOSTILE = "photo [/b] [red]x[a].jpg"


@pytest.mark.parametrize("terminal", [True, False])
def test_file_names_are_never_taken_for_markup(terminal: bool) -> None:
    output = io.StringIO()
    with Bars(Console(file=output, force_terminal=terminal, width=120, color_system=None)) as bars:
        bars.update("reading", 0.5, HOSTILE)
        bars.say(f"  rejected: {HOSTILE}")
    assert f"rejected: {HOSTILE}" in output.getvalue()
    assert "reading" in output.getvalue()
