"""A page looked over by axe-core (Deque, MPL 2.0), for what keeps people out who use a reader or need contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")

LOOK_OVER = """async (rules) => {
  const { violations } = await axe.run(document, {
    resultTypes: ["violations"],
    ...(rules ? { runOnly: { type: "rule", values: rules } } : {}),
  });
  const told = ({ failureSummary, html }) => `${failureSummary} ${html}`;
  return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(told) }));
}"""


def faults(page: Page) -> list[str]:
    """What stands in people's way on the page as it is now, in light and in dark: rule, weight and place of each."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE.read_text())
    found = []
    before = page.evaluate("document.documentElement.dataset.theme ?? null")
    for theme in ("light", "dark"):
        paint(page, theme)
        # Themes differ in colours alone.
        told: list[dict[str, Any]] = page.evaluate(LOOK_OVER, ["color-contrast"] if theme == "dark" else None)
        found += [
            f"{theme}: {one['id']} ({one['impact']}): {one['nodes'][:3]}" for one in told if one["impact"] in GRAVE
        ]
    paint(page, before)
    return found


PAINT = """async (theme) => {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  await frame();
  // Ended, for none goes on out of sight; what stands within begins its own when its parent's is over.
  const moving = () => document.getAnimations().filter((one) => one instanceof CSSTransition);
  for (let under = moving(); under.length; under = moving()) {
    for (const one of under) one.finish();
    await frame();
  }
}"""


def paint(page: Page, theme: str | None) -> None:
    """As the page's own switch does, None as the system; waits until no colour is on its way to another."""
    page.evaluate(PAINT, theme)
