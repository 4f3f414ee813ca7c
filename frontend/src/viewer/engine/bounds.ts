/** How large a cloud is, without its outermost strays. */

import { Vector3 } from "three";

export interface Ball {
  centre: Vector3;
  radius: number;
}

const INSIDE = 0.8;
const SAMPLES = 20_000;

/** `xyz`: n points, flat. The middle is the median of each axis; 80 % of the points lie inside. */
export function ballOf(xyz: ArrayLike<number>): Ball | null {
  const points = Math.floor(xyz.length / 3);
  if (points === 0) return null;
  const step = Math.max(1, Math.floor(points / SAMPLES));
  const chosen = Array.from({ length: Math.floor((points + step - 1) / step) }, (_, i) => 3 * i * step);
  const axis = (k: number) => share(chosen.map((at) => xyz[at + k]!), 0.5);
  const centre = new Vector3(axis(0), axis(1), axis(2));
  const distances = chosen.map((at) => centre.distanceTo(new Vector3(xyz[at]!, xyz[at + 1]!, xyz[at + 2]!)));
  const radius = share(distances, INSIDE);
  return Number.isFinite(radius) ? { centre, radius: Math.max(radius, 1e-6) } : null;
}

function share(values: number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))]!;
}
