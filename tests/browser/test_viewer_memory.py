"""A view that was closed leaves nothing behind: browsers give a page few WebGL contexts, phones little memory."""

from __future__ import annotations

from typing import Any

from bench.held import COUNTING, Held, held
from playwright.sync_api import CDPSession, Page, expect

from .pictures import ready

OPENED = 3


def test_models_opened_one_after_the_other_leave_nothing_behind(page: Page, project: dict[str, Any]) -> None:
    page.add_init_script(COUNTING)
    session = page.context.new_cdp_session(page)
    page.goto("/")
    opened, closed = zip(*(open_and_close(page, session, project["id"]) for _ in range(OPENED)), strict=True)

    # The first brings what stays for good: Spark's worker, what React listens to. Then it is the same each time.
    assert opened[0].contexts == 1
    assert [one.contexts for one in closed] == [0] * OPENED
    assert [one.addresses for one in closed] == [0] * OPENED
    assert [one.workers for one in closed] == [closed[0].workers] * OPENED
    first, last = closed[0].counts(), closed[-1].counts()
    # A page is not to the node the same each time: a message may have come or gone. One view has hundreds of nodes.
    assert last["nodes"] < first["nodes"] + 100
    assert last["listeners"] < first["listeners"] + 20


def open_and_close(page: Page, session: CDPSession, project_id: str) -> tuple[Held, Held]:
    """What the page holds while it shows the project's model, and back on the list."""
    page.locator(f"a[href='/projects/{project_id}']").first.click()
    ready(page)
    opened = held(page, session)
    page.locator("a[href='/']").first.click()
    expect(page.locator("[data-viewer-state]")).to_have_count(0)
    # It ends the sorting under way before it lets go.
    page.wait_for_function("heldByPage().contexts === 0").dispose()
    return opened, held(page, session)
