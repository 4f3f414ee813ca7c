/** What happens to the canvas from outside: it is given another size, or its graphics card goes away. */

import { ViewerError } from "../problems";
import type { Size } from "./lens";

/** Calls back now and whenever the canvas is given another size, until the answered function is called. */
export function watchSize(canvas: HTMLCanvasElement, onSize: (size: Size) => void): () => void {
  const measure = () => {
    const { width, height } = canvas.getBoundingClientRect();
    if (width > 0 && height > 0) onSize({ width, height });
  };
  const observer = new ResizeObserver(measure);
  observer.observe(canvas);
  measure();
  return () => observer.disconnect();
}

export function onContextLost(canvas: HTMLCanvasElement, tell: (error: ViewerError) => void): () => void {
  const lost = (event: Event) => {
    event.preventDefault();
    tell(new ViewerError("context_lost", "The graphics card took the 3D view away.", "That happens when memory runs low or the computer slept. Try again; close other tabs if it comes back."));
  };
  canvas.addEventListener("webglcontextlost", lost);
  return () => canvas.removeEventListener("webglcontextlost", lost);
}
