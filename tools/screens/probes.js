/* What a page can tell of itself; put into every page before its own scripts. */
window.probes = {
  /** How far things have moved that nobody moved (layout shift), since the last call. */
  shift: 0,
  moved() {
    const moved = this.shift;
    this.shift = 0;
    return moved;
  },
  named(one) {
    return (one.ariaLabel || one.textContent || one.tagName).trim().slice(0, 50);
  },
  /** Controls that are smaller than a finger wants them, 40 px. */
  smallTargets() {
    const controls = [...document.querySelectorAll("a[href], button, input, select, summary, [role=tab]")];
    return controls.flatMap((one) => {
      const look = getComputedStyle(one);
      const box = (one.closest("label") ?? one).getBoundingClientRect();
      const hidden = !box.width || look.visibility === "hidden" || one.closest(".sr-only, [hidden]");
      // A link in a sentence is as high as its line; one whose ::after covers a card is as large as that.
      const excused = look.display === "inline" || getComputedStyle(one, "::after").position === "absolute";
      if (hidden || excused || (box.width >= 40 && box.height >= 40)) return [];
      return [`${this.named(one)} ${Math.round(box.width)}x${Math.round(box.height)}`];
    });
  },
  /** The control that has the focus, and whether one can see that. */
  focused() {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const parts = [one, one.closest("label"), one.closest("div:has(> input[type=range])")].filter(Boolean);
    const outlined = parts.some((part) => getComputedStyle(part).outlineStyle !== "none");
    const marked = outlined || getComputedStyle(one).boxShadow !== "none" || one.matches(".mqv-handle");
    return { name: this.named(one), marked };
  },
};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.probes.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
