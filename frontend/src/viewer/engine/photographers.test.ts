import { PerspectiveCamera } from "three";
import { expect, test } from "vitest";

import type { CameraFrame } from "../types";
import { Photographers } from "./photographers";

const CANVAS = { width: 200, height: 200 };
/** Looking along the world's z from z = -5, `x` to the side. */
const frame = (x: number): CameraFrame => ({
  name: `at ${x}`,
  camera_from_world: [[1, 0, 0, -x], [0, 1, 0, 0], [0, 0, 1, 5], [0, 0, 0, 1]],
  fx: 100, fy: 100, cx: 50, cy: 50, width: 100, height: 100,
});

/** From behind the photographers, looking where they look (OpenCV's z is away from the viewer: half a turn about x). */
function onlooker(): PerspectiveCamera {
  const camera = new PerspectiveCamera(60, 1, 0.1, 100);
  camera.position.set(0, 0, -12);
  camera.rotation.set(Math.PI, 0, 0);
  camera.updateMatrixWorld(true);
  return camera;
}

test("a photographer is found under the pointer only while they are shown", () => {
  const photographers = new Photographers();
  photographers.place([frame(0), frame(3)], 4);
  expect(photographers.at(onlooker(), CANVAS, 100, 100)).toBeNull();
  photographers.show(true);
  expect(photographers.at(onlooker(), CANVAS, 100, 100)).toBe(0);
  expect(photographers.at(onlooker(), CANVAS, 5, 5)).toBeNull();
});

test("pointing marks another than the one that is stood in, and only for as long", () => {
  const photographers = new Photographers();
  photographers.place([frame(0), frame(3)], 4);
  photographers.stand(0);
  expect(photographers.hover(1)).toBe(true);
  expect(photographers.hover(1)).toBe(false);
  expect(photographers.marked).toBe(1);
  photographers.hover(null);
  expect(photographers.marked).toBe(0);
  photographers.stand(null);
  expect(photographers.marked).toBeNull();
});

test("other photos take the place of the first, shown or not as before", () => {
  const photographers = new Photographers();
  photographers.show(true);
  photographers.place([frame(0)], 4);
  photographers.place([frame(0), frame(3)], 4);
  expect(photographers.frames).toHaveLength(2);
  expect(photographers.at(onlooker(), CANVAS, 100, 100)).toBe(0);
  photographers.place([], 4);
  expect(photographers.at(onlooker(), CANVAS, 100, 100)).toBeNull();
});
