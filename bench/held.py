"""What a page in Chromium holds: WebGL contexts, workers, addresses of blobs, nodes, listeners, memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

# Runs before any script of the page. Contexts count until they are lost or collected, workers until they are ended.
COUNTING = """(() => {
  const [contexts, workers, addresses] = [new Set(), new Set(), new Set()];
  for (const Canvas of [HTMLCanvasElement, OffscreenCanvas]) {
    const { getContext } = Canvas.prototype;
    Canvas.prototype.getContext = function (kind, ...rest) {
      const context = getContext.call(this, kind, ...rest);
      if (context && kind.startsWith("webgl")) contexts.add(new WeakRef(context));
      return context;
    };
  }
  window.Worker = class extends Worker {
    constructor(...all) { super(...all); workers.add(this); }
    terminate() { workers.delete(this); super.terminate(); }
  };
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (what) => { const made = createObjectURL(what); addresses.add(made); return made; };
  URL.revokeObjectURL = (address) => { addresses.delete(address); revokeObjectURL(address); };
  window.heldByPage = () => ({
    contexts: [...contexts].filter((one) => one.deref() && !one.deref().isContextLost()).length,
    workers: workers.size,
    addresses: addresses.size,
  });
})()"""


@dataclass(frozen=True)
class Held:
    """Counts after a collection of garbage."""

    contexts: int
    workers: int
    addresses: int
    """Of blobs, made and not revoked."""
    nodes: int
    listeners: int
    heap_bytes: int
    """Of JavaScript, without buffers and the graphics card's things."""

    def counts(self) -> dict[str, int]:
        """All that is counted, without what is weighed."""
        return {name: getattr(self, name) for name in ("contexts", "workers", "addresses", "nodes", "listeners")}


def held(page: Page, session: CDPSession) -> Held:
    """What ``page`` holds now; it began with ``COUNTING``. ``session``: its own."""
    for _ in range(2):  # what a finaliser lets go of is collected by the second
        session.send("HeapProfiler.collectGarbage")
    counted = page.evaluate("heldByPage()")
    # Of the page alone: Performance.getMetrics counts what the tools hold as well.
    dom = session.send("Memory.getDOMCounters")
    heap = session.send("Runtime.getHeapUsage")
    return Held(**counted, nodes=dom["nodes"], listeners=dom["jsEventListeners"], heap_bytes=int(heap["usedSize"]))
