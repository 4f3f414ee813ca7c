"""The way between a page and Realtime, with somebody on it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Request, Route, WebSocketRoute, expect


def expect_line(page: Page, word: str) -> None:
    """What the header says of the live line."""
    expect(page.get_by_role("banner").get_by_role("status").get_by_text(word, exact=True)).to_be_visible()


class Line:
    """The page's Realtime socket with somebody on the way who can cut it, or lose a message."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._down = False
        self._sockets: list[WebSocketRoute] = []
        self._lost: re.Pattern[str] | None = None
        self.read_from: list[int] = []
        """``after`` of each call for missed events."""
        page.route_web_socket(re.compile("/realtime/v1/websocket"), self._carry)
        page.on("request", self._note)

    def lose(self, seq: int) -> None:
        """The message of this event never arrives."""
        self._lost = re.compile(rf'"seq": ?{seq}\b')

    def cut(self) -> None:
        """Neither the socket nor the API can be reached."""
        self._down = True
        self._page.route("**/api/v1/**", _abort)
        for socket in self._sockets:
            socket.close(code=1011)
        self._sockets.clear()

    def mend(self) -> None:
        self._page.unroute("**/api/v1/**", _abort)
        self._down = False

    def _carry(self, socket: WebSocketRoute) -> None:
        if self._down:
            socket.close(code=1011)
            return
        self._sockets.append(socket)
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if not (self._lost and self._lost.search(message if isinstance(message, str) else message.decode())):
                socket.send(message)

        server.on_message(pass_on)

    def _note(self, request: Request) -> None:
        if found := re.search(r"/events\?after=(\d+)", request.url):
            self.read_from.append(int(found[1]))


def _abort(route: Route) -> None:
    route.abort()
