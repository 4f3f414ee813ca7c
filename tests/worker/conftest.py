"""The same house as the tests of execution."""

from tests.execution.conftest import folder, house, saved_scene

__all__ = ["folder", "house", "saved_scene"]
