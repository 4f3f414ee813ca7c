"""Webhooks lead to public addresses only, whatever a name says the first or the second time."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import httpcore
import pytest

from maquette.webhooks.addresses import AddressRefusedError, PublicBackend, check_url, is_public, public_addresses


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1",
        "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909", "2002:909:909::1"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https:///path", "https://user:word@example.org/",
        "https://user@example.org/", "https://example.org/#part", "https://127.0.0.1/", "https://[::1]:8443/x",
        "https://10.0.0.8/", "https://169.254.169.254/latest/meta-data", "https://localhost/", "https://db.internal/x",
        "https://printer.local/", "https://example.org:99999/", "https://example.org:0/", "https://[::1/",
        "https://exa mple.org/", "https://exämple.org/", "file:///etc/passwd", "javascript:x",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError) as refused:
        check_url(url, ())
    assert refused.value.details["field"] == "url" and "MAQUETTE_WEBHOOK_HOSTS" in refused.value.suggestion


def test_hosts_that_the_operator_named_are_allowed() -> None:
    check_url("https://example.org:8443/hooks?token=1", ())
    check_url("http://ci.internal:8080/hook", ("ci.internal",))
    check_url("http://127.0.0.1:9000/hook", ("127.0.0.1",))
    with pytest.raises(AddressRefusedError):
        check_url("http://127.0.0.1:9000/hook", ("127.0.0.2",))


def answers(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """The machine's resolver says so of every name."""

    def found(host: Any, port: Any, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


async def test_a_name_that_leads_into_a_private_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "9.9.9.9", "192.168.0.4")
    with pytest.raises(AddressRefusedError) as refused:
        await public_addresses("rebound.example.org", 443, ())
    assert "192.168" not in refused.value.message
    answers(monkeypatch, "9.9.9.9")
    assert await public_addresses("rebound.example.org", 443, ()) == ["9.9.9.9"]


async def test_what_was_judged_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up once: nothing between us and the socket asks again and gets another answer."""
    accepted = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked: list[str] = []

    def first_well_then_wrong(host: Any, found_port: Any, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(str(host))
        address = "127.0.0.1" if len(asked) == 1 or host == "127.0.0.1" else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, found_port))]

    monkeypatch.setattr(socket, "getaddrinfo", first_well_then_wrong)
    stream = await PublicBackend(["trusted.example.org"]).connect_tcp("trusted.example.org", port, timeout=5)
    await asyncio.wait_for(accepted.wait(), 5)
    assert asked.count("trusted.example.org") == 1
    await stream.aclose()
    server.close()


async def test_sockets_of_the_machine_are_no_addresses() -> None:
    with pytest.raises(AddressRefusedError):
        await PublicBackend().connect_unix_socket("/run/docker.sock")


async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(httpcore.ConnectError, match=r"nowhere\.example\.org was not found"):
        await public_addresses("nowhere.example.org", 443, ())
