/** Which camera's frustum lies under the pointer. */

import { type Matrix4, Vector3 } from "three";

import type { Size } from "./lens";

/** Corners of a camera's picture and its centre, world. */
export interface Outline {
  centre: Vector3;
  corners: readonly Vector3[];
}

const REACH_PX = 10;

/** Index of the nearest outline under (x, y), or whose centre is within reach; null where there is none. CSS pixels. */
export function picked(outlines: readonly Outline[], clipFromWorld: Matrix4, canvas: Size, x: number, y: number): number | null {
  let [best, nearest] = [null as number | null, Infinity];
  outlines.forEach(({ centre, corners }, index) => {
    const seen = [centre, ...corners].map((point) => onScreen(point, clipFromWorld, canvas));
    if (seen.some((point) => point === null)) return;
    const [apex, ...base] = seen as Vector3[];
    const near = Math.hypot(apex!.x - x, apex!.y - y) <= REACH_PX;
    const sides = base.map((corner, i) => [apex!, corner, base[(i + 1) % base.length]!]);
    if ((near || inside(base, x, y) || sides.some((side) => inside(side, x, y))) && apex!.z < nearest) [best, nearest] = [index, apex!.z];
  });
  return best;
}

/** x and y in CSS pixels, z the distance along the look; null behind the camera. */
export function onScreen(point: Vector3, clipFromWorld: Matrix4, canvas: Size): Vector3 | null {
  const e = clipFromWorld.elements;
  const w = e[3]! * point.x + e[7]! * point.y + e[11]! * point.z + e[15]!;
  if (w <= 0) return null;
  const clip = point.clone().applyMatrix4(clipFromWorld);
  return new Vector3(((clip.x + 1) / 2) * canvas.width, ((1 - clip.y) / 2) * canvas.height, w);
}

/** Even-odd rule. */
function inside(polygon: readonly Vector3[], x: number, y: number): boolean {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [a, b] = [polygon[i]!, polygon[j]!];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
  }
  return odd;
}
