"""Ports of this machine that nobody listens on."""

from __future__ import annotations

import contextlib
import secrets
import socket


def free_port() -> int:
    """A TCP port that nobody listens on, and that no outgoing connection will take before somebody does.

    Below the ports that Linux gives to outgoing connections: hundreds of those are opened while a fixture waits.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
