"""Where webhooks may lead: to public addresses, else our network could be asked through us (SSRF).

A name is looked up by us once for each connection, every address that it has is judged, and that very address is
connected to: a name that leads elsewhere the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

import httpcore

from maquette.errors import BadInputError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into the IPv4 address in their last four bytes (RFC 6052)."""

_ASSIGNMENTS = ipaddress.ip_network("192.0.0.0/24")
"""For protocols between routers (RFC 6890); Pythons before 3.13 take some of it for public."""


class AddressRefusedError(BadInputError):
    """Webhooks are not sent there."""

    code = "webhook_address_refused"


class PublicBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore, to public addresses and to hosts that the operator named (``trusted``)."""

    def __init__(self, trusted: Collection[str] = ()) -> None:
        self._trusted = frozenset(trusted)
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own name
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """As httpcore asks for it. TLS still checks the certificate against the name."""
        try:
            found = await asyncio.wait_for(public_addresses(host, port, self._trusted), timeout)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"{host} was not found in time") from None
        return await self._inner.connect_tcp(found[0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own name
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: a socket of this machine is no public address."""
        raise AddressRefusedError("Webhooks do not lead to sockets of this machine.")

    async def sleep(self, seconds: float) -> None:
        """As httpcore asks for it."""
        await asyncio.sleep(seconds)


def check_url(url: str, trusted: Collection[str]) -> None:
    """Whether a webhook may have this address; the name is looked up when it is called.

    ``https`` with a host and without credentials; ``http`` only to hosts that the operator named. Raises
    :class:`AddressRefusedError`.
    """
    wrong = "it is no address such as https://example.org/maquette"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(wrong) from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isascii() or " " in url:
        raise _refused(wrong)
    if parts.username is not None or parts.password is not None:
        raise _refused("it holds a name and a password, which would stand in lists and logs; the signature is enough")
    if parts.fragment:
        raise _refused("what stands behind # is never sent")
    if host in trusted:
        return
    if parts.scheme == "http":
        raise _refused("it is not https, and others could read what is sent")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            raise _refused(f"{host} is a name of a private network") from None
        return
    if not is_public(literal):
        raise _refused(f"{literal} is no public address")


async def public_addresses(host: str, port: int, trusted: Collection[str]) -> list[str]:
    """The addresses of a host, all of which are public. :class:`AddressRefusedError` where one is not."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpcore.ConnectError(f"{host} was not found") from None
    addresses = [str(address[0]) for *_, address in found]
    # Which private address it was is nobody's business who does not run this server.
    if host not in trusted and not all(is_public(ipaddress.ip_address(one.partition("%")[0])) for one in addresses):
        raise _refused(f"{host} leads into a private network")
    return addresses


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether anybody on the internet could reach it, the IPv4 address inside some IPv6 ones judged as well."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1]) or None
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and address not in _ASSIGNMENTS and not address.is_multicast and not address.is_reserved


def _refused(why: str) -> AddressRefusedError:
    return AddressRefusedError(
        f"This address cannot be a webhook's: {why}.",
        suggestion="Give a public https address. Whoever runs this server can allow hosts of its own network in"
        " MAQUETTE_WEBHOOK_HOSTS.",
        field="url",
    )
