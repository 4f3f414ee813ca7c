"""What formats read and write through: files, or what packs and unpacks on the way to them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Readable(Protocol):
    """A binary file, or what unpacks one."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, fewer only at the end."""

    def readline(self, size: int, /) -> bytes:
        """A line, or at most ``size`` bytes of it."""


@runtime_checkable
class Writable(Protocol):
    """A binary file, or what packs bytes on the way to one."""

    def write(self, data: bytes, /) -> object:
        """Take all of the data."""

    def flush(self) -> object:
        """Pass on what was taken."""
