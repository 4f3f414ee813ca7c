/** Mouse, pen, touch and wheel as motions. Left turns, right or two fingers shift, wheel or pinch zooms, a tap picks. */

export interface Motions {
  turn(right: number, down: number): void;
  shift(right: number, down: number): void;
  zoom(factor: number): void;
  tap(x: number, y: number): void;
  hover(x: number, y: number): void;
  leave(): void;
}

interface Point {
  x: number;
  y: number;
}

const TAP_PX = 6;
const WHEEL_LINE_PX = 16;

/** Listens until the answered function is called. Distances in CSS pixels of the element. */
export function listen(element: HTMLElement, motions: Motions): () => void {
  const stop = new AbortController();
  const fingers = new Map<number, Point>();
  let [travelled, shifting] = [0, false];
  const at = (event: PointerEvent): Point => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const on = <K extends keyof HTMLElementEventMap>(type: K, act: (event: HTMLElementEventMap[K]) => void) =>
    element.addEventListener(type, act, { signal: stop.signal, passive: false });

  on("pointerdown", (event) => {
    if (fingers.size === 0) [travelled, shifting] = [0, event.button !== 0 || event.shiftKey || event.ctrlKey];
    fingers.set(event.pointerId, at(event));
    element.setPointerCapture(event.pointerId);
  });

  on("pointermove", (event) => {
    const [before, now] = [fingers.get(event.pointerId), at(event)];
    if (!before) return motions.hover(now.x, now.y);
    const [right, down] = [now.x - before.x, now.y - before.y];
    travelled += Math.hypot(right, down);
    if (fingers.size === 1) {
      fingers.set(event.pointerId, now);
      if (travelled > TAP_PX) (shifting ? motions.shift : motions.turn)(right, down);
      return;
    }
    const other = [...fingers].find(([id]) => id !== event.pointerId)![1];
    fingers.set(event.pointerId, now);
    // Each finger moves the middle by half its way.
    motions.shift(right / 2, down / 2);
    motions.zoom(Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1) / Math.max(Math.hypot(now.x - other.x, now.y - other.y), 1));
  });

  const lift = (event: PointerEvent) => {
    const point = at(event);
    if (fingers.delete(event.pointerId) && fingers.size === 0 && travelled <= TAP_PX && event.type === "pointerup" && event.button === 0)
      motions.tap(point.x, point.y);
  };
  on("pointerup", lift);
  on("pointercancel", lift);
  on("pointerleave", () => motions.leave());
  on("contextmenu", (event) => event.preventDefault());
  on("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE_PX : 1);
    // A pinch on a touchpad comes as a wheel with Ctrl, in far smaller steps.
    motions.zoom(Math.exp(Math.max(-240, Math.min(240, pixels)) * (event.ctrlKey ? 0.01 : 0.0015)));
  });
  return () => stop.abort();
}
