"""Shapes and types of `maquette.recon` are checked at run time, as often as that can find something.

A check costs 50 µs a call: solvers that call small functions ten thousand times took twice as long. So of each test
the first calls of every function are checked, and a function that no test of this process calls is not made checkable.
"""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable
from types import CodeType
from typing import Any

import jaxtyping

CALLS = 100
"""Of one function in one test."""
_calls: Counter[CodeType] = Counter()
_jaxtyped = jaxtyping.jaxtyped


def check_shapes() -> None:
    """From here on, for modules that are loaded later."""
    jaxtyping.jaxtyped = _sparing
    jaxtyping.install_import_hook("maquette.recon", "beartype.beartype")


def begin_again() -> None:
    """Another test: all its first calls count."""
    _calls.clear()


def _sparing(*, typechecker: Any) -> Callable[[Any], Any]:
    """What the import hook puts above each function and class, in the place of jaxtyping's own."""
    check = _jaxtyped(typechecker=typechecker)

    def decorate(thing: Any) -> Any:
        if not inspect.isfunction(thing):
            return check(thing)
        code, checked = thing.__code__, None
        if "<locals>" in thing.__qualname__:
            # Made anew with every call of what it stands in, whose names its annotations may need.
            if _calls[code] >= CALLS:
                return thing
            checked = check(thing)

        @functools.wraps(thing)
        def called(*arguments: Any, **keywords: Any) -> Any:
            nonlocal checked
            if _calls[code] >= CALLS:
                return thing(*arguments, **keywords)
            _calls[code] += 1
            checked = checked or check(thing)
            return checked(*arguments, **keywords)

        return called

    return decorate
