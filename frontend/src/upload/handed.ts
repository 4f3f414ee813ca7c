import type { Chosen } from "./checks";

let handed: Chosen[] = [];

/** Files that were dropped on another page, for the upload page to take when it opens. */
export function handOver(chosen: Chosen[]): void {
  handed = chosen;
}

export function takeHanded(): Chosen[] {
  const taken = handed;
  handed = [];
  return taken;
}
