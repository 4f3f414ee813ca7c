/** A short way from one view to another, so that the visitor sees where it went. */

import type { Size } from "./lens";
import { spanOf } from "./lens";
import type { View } from "./rig";

export const TRAVEL_S = 0.4;

/** Eased between two views; `done` in 0..1. At 1 exactly `to`, with its own lens. */
export function between(from: View, to: View, done: number, canvas: Size): View {
  if (done >= 1) return { ...to, position: to.position.clone(), rotation: to.rotation.clone() };
  const share = done * done * (3 - 2 * done);
  const mix = (a: number, b: number) => a + (b - a) * share;
  return {
    position: from.position.clone().lerp(to.position, share),
    rotation: from.rotation.clone().slerp(to.rotation, share),
    distance: mix(from.distance, to.distance),
    lens: { kind: "fov", fovDeg: mix(spanOf(from.lens, canvas), spanOf(to.lens, canvas)) },
  };
}
