import { Matrix4, Vector3, Vector4 } from "three";
import { describe, expect, it } from "vitest";

import { letterbox } from "./letterbox";
import { fovOf, projectionOf, spanOf } from "./lens";
import { lookedAt, meanUp, poseOf } from "./poses";

const FRAME = { fx: 700, fy: 690, cx: 310, cy: 250, width: 640, height: 480 };

/** Where OpenCV's pinhole puts a camera-space point, in photo pixels. */
const pinhole = ([x, y, z]: [number, number, number]) => [(FRAME.fx * x) / z + FRAME.cx, (FRAME.fy * y) / z + FRAME.cy];

/** Where OpenGL's clip space puts the same point, in canvas pixels. */
function drawn([x, y, z]: [number, number, number], projection: Matrix4, canvas: { width: number; height: number }) {
  const clip = new Vector4(x, -y, -z, 1).applyMatrix4(projection);
  return [((clip.x / clip.w + 1) / 2) * canvas.width, ((1 - clip.y / clip.w) / 2) * canvas.height];
}

describe("a photo's lens", () => {
  it.each([
    { width: 640, height: 480 },
    { width: 1200, height: 480 },
    { width: 390, height: 700 },
  ])("draws each point where the letterboxed photo shows it, in %o", (canvas) => {
    const projection = projectionOf({ kind: "photo", frame: FRAME }, canvas, 0.1, 100);
    const { left, top, scale } = letterbox(FRAME, canvas);
    for (const point of [[0, 0, 2], [0.4, -0.3, 1.7], [-0.8, 0.5, 3]] as [number, number, number][]) {
      const [u, v] = pinhole(point);
      const [x, y] = drawn(point, projection, canvas);
      expect(x).toBeCloseTo(left + u! * scale, 6);
      expect(y).toBeCloseTo(top + v! * scale, 6);
    }
  });

  it("spans the whole canvas, not only the photo", () => {
    const fov = fovOf({ kind: "photo", frame: FRAME }, { width: 640, height: 960 });
    expect(fov).toBeCloseTo((2 * Math.atan(480 / 690) * 180) / Math.PI, 6);
  });
});

describe("a field of view", () => {
  it("goes across the shorter side, so that an upright phone shows all that a wide window does", () => {
    const lens = { kind: "fov", fovDeg: 50 } as const;
    expect(fovOf(lens, { width: 1200, height: 800 })).toBeCloseTo(50, 6);
    const upright = { width: 400, height: 800 };
    expect(fovOf(lens, upright)).toBeCloseTo((2 * Math.atan(2 * Math.tan((25 * Math.PI) / 180)) * 180) / Math.PI, 6);
    expect(spanOf(lens, upright)).toBe(50);
    expect(spanOf({ kind: "photo", frame: FRAME }, { width: 1280, height: 480 })).toBeCloseTo((2 * Math.atan(240 / 690) * 180) / Math.PI, 6);
  });
});

describe("poses", () => {
  // Turned by 90 degrees about the look: what is right in the photo is down in the world.
  const rows = [[0, 1, 0, 0.5], [-1, 0, 0, -1], [0, 0, 1, 2], [0, 0, 0, 1]];

  it("put a world point where camera_from_world does", () => {
    const pose = poseOf({ camera_from_world: rows });
    const world = new Vector3(0.3, -0.2, 4);
    const openGl = world.clone().sub(pose.position).applyQuaternion(pose.rotation.clone().invert());
    expect(openGl.toArray().map((value) => Math.round(value * 1e9) / 1e9)).toEqual([0.3, 1.3, -6]);
  });

  const looking = (x: number, z: number, fx: number, fz: number) => {
    const length = Math.hypot(fx, fz);
    const [a, c] = [fx / length, fz / length];
    const [right, down, forward] = [[c, 0, -a], [0, 1, 0], [a, 0, c]];
    const row = (axis: number[]) => [...axis, -(axis[0]! * x + axis[2]! * z)];
    return poseOf({ camera_from_world: [row(right!), row(down!), row(forward!), [0, 0, 0, 1]] });
  };

  it("meet where people looked", () => {
    const point = lookedAt([looking(-2, 0, 2, 5), looking(2, 0, -2, 5), looking(0, -1, 0, 6)])!;
    expect(point.distanceTo(new Vector3(0, 0, 5))).toBeLessThan(1e-6);
  });

  it("meet nowhere when all look the same way, or away from each other", () => {
    expect(lookedAt([looking(-1, 0, 0, 1), looking(1, 0, 0, 1)])).toBeNull();
    expect(lookedAt([looking(-1, 0, -1, 0.2), looking(1, 0, 1, 0.2), looking(0, 1, 0.1, 1)])).toBeNull();
  });

  it("say which way is up, and -y where they do not", () => {
    expect(meanUp([looking(0, 0, 0, 1)]).toArray().map(Math.round)).toEqual([0, -1, 0]);
    expect(meanUp([]).toArray()).toEqual([0, -1, 0]);
    expect(meanUp([poseOf({ camera_from_world: rows })]).toArray().map((v) => Math.round(v) + 0)).toEqual([1, 0, 0]);
  });
});
