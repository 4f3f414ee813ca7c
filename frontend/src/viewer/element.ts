/** What the viewer's own element is just now: its size, whether it fills the screen, the colours of its theme. */

import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

export function useSize(element: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const watched = element.current;
    if (!watched) return;
    const observer = new ResizeObserver(() => setSize({ width: watched.clientWidth, height: watched.clientHeight }));
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

/** Full screen, or the whole window where the browser has none for elements (iPhones). */
export function useFullScreen(element: RefObject<HTMLElement | null>): { full: boolean; window: boolean; toggle: () => void } {
  const [full, setFull] = useState(false);
  const [inWindow, setInWindow] = useState(false);
  useEffect(() => {
    const changed = () => setFull(document.fullscreenElement === element.current && element.current !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, [element]);
  const toggle = useCallback(() => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (element.current?.requestFullscreen) element.current.requestFullscreen().catch(() => setInWindow((before) => !before));
    else setInWindow((before) => !before);
  }, [element]);
  return { full: full || inWindow, window: inWindow, toggle };
}

/** Calls back now and whenever the theme may have changed, by the page's switch or the system's. */
export function useTheme(onTheme: () => void): void {
  useEffect(() => {
    onTheme();
    const system = matchMedia("(prefers-color-scheme: dark)");
    const page = new MutationObserver(onTheme);
    page.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme", "style"] });
    system.addEventListener("change", onTheme);
    return () => {
      page.disconnect();
      system.removeEventListener("change", onTheme);
    };
  }, [onTheme]);
}

/** Keys pressed anywhere in the element, its buttons and sliders first. */
export function useKeyboard(element: RefObject<HTMLElement | null>, onKey: (event: KeyboardEvent) => void): void {
  const latest = useRef(onKey);
  useEffect(() => {
    latest.current = onKey;
  });
  useEffect(() => {
    const watched = element.current;
    const press = (event: KeyboardEvent) => !event.defaultPrevented && latest.current(event);
    watched?.addEventListener("keydown", press);
    return () => watched?.removeEventListener("keydown", press);
  }, [element]);
}

/** A CSS colour of any notation, variables too, as #rrggbb. */
export function colourOf(element: HTMLElement, property: string): string {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!pen) return "#808080";
  pen.fillStyle = getComputedStyle(element).getPropertyValue(property);
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return `#${[r!, g!, b!].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Small screens and people who pay for bytes choose for themselves whether to load. */
export function asksFirst(): boolean {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  return connection?.saveData === true || matchMedia("(max-width: 40rem)").matches;
}
