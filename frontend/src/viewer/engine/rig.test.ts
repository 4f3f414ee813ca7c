import { PerspectiveCamera, Vector3 } from "three";
import { beforeEach, describe, expect, it } from "vitest";

import { Keys } from "./keys";
import { forwardOf, upOf } from "./poses";
import { Rig } from "./rig";
import { between } from "./travel";

const CANVAS = { width: 800, height: 600 };
let rig: Rig;

beforeEach(() => {
  rig = new Rig();
  rig.up = new Vector3(0, -1, 0);
  rig.view = rig.starting({ position: [0, 0, -4], target: [0, 0, 0], up: [0, -1, 0], fov_deg: 50 });
});

describe("orbiting", () => {
  it("keeps target and distance, and the horizon level", () => {
    rig.orbit(0.7, 0.3);
    expect(rig.target.length()).toBeLessThan(1e-9);
    expect(rig.view.position.length()).toBeCloseTo(4, 9);
    expect(upOf(rig.view).dot(rig.up)).toBeGreaterThan(0.9);
    expect(new Vector3(1, 0, 0).applyQuaternion(rig.view.rotation).dot(rig.up)).toBeCloseTo(0, 9);
  });

  it("moves the camera up when what is seen is dragged down", () => {
    rig.orbit(0, 0.3);
    expect(rig.view.position.dot(rig.up)).toBeGreaterThan(1);
  });

  it("never turns over the poles", () => {
    for (let i = 0; i < 40; i++) rig.orbit(0.1, 0.2);
    expect(forwardOf(rig.view).angleTo(rig.up)).toBeLessThan(Math.PI - 0.06);
    expect(upOf(rig.view).dot(rig.up)).toBeGreaterThan(0);
    for (let i = 0; i < 40; i++) rig.orbit(0.1, -0.2);
    expect(forwardOf(rig.view).angleTo(rig.up)).toBeGreaterThan(0.06);
    expect(upOf(rig.view).dot(rig.up)).toBeGreaterThan(0);
  });
});

it("shifting moves what lies at the target as far as the pointer", () => {
  const camera = new PerspectiveCamera();
  rig.pan(120, -45, CANVAS);
  rig.apply(camera, CANVAS);
  const seen = new Vector3(0, 0, 0).project(camera);
  expect((seen.x * CANVAS.width) / 2).toBeCloseTo(120, 6);
  expect((-seen.y * CANVAS.height) / 2).toBeCloseTo(-45, 6);
});

it("zooming passes through what is near instead of stopping before it", () => {
  for (let i = 0; i < 200; i++) rig.zoom(0.8);
  expect(rig.view.position.z).toBeGreaterThan(0);
  expect(rig.view.distance).toBeGreaterThan(0);
});

it("framing shows the whole ball, in a narrow canvas too", () => {
  const narrow = { width: 300, height: 900 };
  rig.view = rig.framing(new Vector3(1, 2, 3), 1.5, narrow);
  const camera = new PerspectiveCamera();
  rig.apply(camera, narrow);
  for (const way of [new Vector3(1.5, 0, 0), new Vector3(-1.5, 0, 0), new Vector3(0, 1.5, 0)]) {
    const seen = new Vector3(1, 2, 3).add(way).project(camera);
    expect(Math.max(Math.abs(seen.x), Math.abs(seen.y))).toBeLessThanOrEqual(1.0001);
  }
});

it("a saved start gives the same view again", () => {
  rig.orbit(1.1, -0.4);
  rig.zoom(0.7);
  const [position, rotation, saved] = [rig.view.position.clone(), rig.view.rotation.clone(), JSON.parse(JSON.stringify(rig.asStart(CANVAS)))];
  const view = new Rig().starting(saved);
  expect(view.position.distanceTo(position)).toBeLessThan(1e-9);
  expect(view.rotation.angleTo(rotation)).toBeLessThan(1e-6);
  expect(view.lens).toEqual({ kind: "fov", fovDeg: 50 });
});

it("a journey ends exactly at its end, with the photo's own lens", () => {
  const frame = { fx: 700, fy: 690, cx: 310, cy: 250, width: 640, height: 480 };
  const to = { ...rig.starting({ position: [1, 2, 3], target: [0, 0, 0], up: [0, 0, 1], fov_deg: 30 }), lens: { kind: "photo" as const, frame } };
  expect(between(rig.view, to, 1, CANVAS).lens).toBe(to.lens);
  expect(between(rig.view, to, 1, CANVAS).position.equals(to.position)).toBe(true);
  expect(between(rig.view, to, 0, CANVAS).position.equals(rig.view.position)).toBe(true);
});

describe("keys", () => {
  const key = (code: string, shiftKey = false) => ({ code, shiftKey, ctrlKey: false, metaKey: false, altKey: false });

  it("add up, go faster with Shift, and stop when let go", () => {
    const keys = new Keys();
    expect(keys.press(key("KeyW")) && keys.press(key("KeyD", true)) && keys.press(key("ArrowUp", true))).toBe(true);
    expect(keys.flight).toEqual([4, 0, 4]);
    expect(keys.turning).toEqual([0, -1]);
    keys.release(key("KeyW"));
    expect(keys.flight).toEqual([1, 0, 0]);
    keys.clear();
    expect(keys.any).toBe(false);
  });

  it("leave the browser's own to the browser", () => {
    const keys = new Keys();
    expect(keys.press({ ...key("KeyW"), ctrlKey: true })).toBe(false);
    expect(keys.press(key("KeyX"))).toBe(false);
    expect(keys.any).toBe(false);
  });
});
