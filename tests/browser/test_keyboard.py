"""From the first page to the making of a model without a mouse, and always seen where one is."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

MOST_STOPS = 40
RING = """element => [element, ...element.labels ?? []].some(one => {
  const look = getComputedStyle(one);
  return look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
})"""


def reach(page: Page, wanted: Locator) -> None:
    """By the Tab key alone; each stop on the way shows that it is one."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate(RING), f"nothing shows that this has the focus: {focused.evaluate('e => e.outerHTML')}"
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by {MOST_STOPS} presses of Tab")


def test_from_the_first_page_to_the_making(page: Page, photos: list[Path]) -> None:
    # Whoever listens only when the key is pressed may come too late: Playwright does not wait until the browser knows.
    page.on("filechooser", lambda _: None)
    page.goto("/")
    reach(page, page.get_by_role("link", name="New project"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New project")).to_be_visible()
    reach(page, page.get_by_role("button", name="Choose files"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(photos[:6])

    send = page.get_by_role("button", name="Send 6 files")
    expect(send).to_be_visible()
    reach(page, page.get_by_label("Name of the project"))
    page.keyboard.type("By hand")
    page.keyboard.press("Enter")
    on = page.get_by_role("link", name="Go on to the model")
    expect(on).to_be_visible()
    reach(page, on)
    page.keyboard.press("Enter")

    make = page.get_by_role("button", name="Make the model")
    expect(make).to_be_visible()
    reach(page, make)
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="Make the model")
    expect(form).to_be_visible()
    reach(page, form.get_by_role("button", name="Make the model"))
    page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(make).to_be_focused()
