import { Matrix4, PerspectiveCamera, Vector3 } from "three";
import { expect, it } from "vitest";

import { fileName } from "../picture";
import { identityOf } from "../session";
import { ballOf } from "./bounds";
import { Frustums } from "./frustums";

const camera = new PerspectiveCamera(60, 1, 0.1, 100);
camera.position.set(0, 0, 10);
camera.updateMatrixWorld(true);

/** A camera at (x, 0, 0) of the world that looks along -z, towards nobody. */
const frame = (x: number) => ({ name: String(x), camera_from_world: [[1, 0, 0, -x], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]], fx: 100, fy: 100, cx: 50, cy: 50, width: 100, height: 100 });

it("the frustum under the pointer is found, and only while it is shown", () => {
  const frustums = new Frustums([frame(-2), frame(2)], 1);
  const canvas = { width: 500, height: 500 };
  const spot = (x: number) => new Vector3(x, 0, 0).applyMatrix4(new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse));
  const pixels = (x: number) => ((spot(x).x + 1) / 2) * canvas.width;
  expect(frustums.at(camera, canvas, pixels(2), 250)).toBeNull();
  frustums.lines.visible = true;
  expect(frustums.at(camera, canvas, pixels(2), 250)).toBe(1);
  expect(frustums.at(camera, canvas, pixels(-2) + 12, 255)).toBe(0);
  expect(frustums.at(camera, canvas, 250, 250)).toBeNull();
});

it("strays do not make a cloud large", () => {
  const xyz = Array.from({ length: 900 }, (_, i) => Math.sin(i * 12.9898) * 0.5 + 3);
  const ball = ballOf([...xyz, 1e6, 1e6, 1e6])!;
  expect(ball.radius).toBeLessThan(1);
  expect(ball.centre.distanceTo(new Vector3(3, 3, 3))).toBeLessThan(0.3);
  expect(ballOf([])).toBeNull();
});

it("a signed URL that was signed anew is the same file", () => {
  expect(identityOf({ splatUrl: "/a/model.ply?token=1" })).toBe(identityOf({ splatUrl: "/a/model.ply?token=2" }));
  expect(identityOf({ splatUrl: "/a/model.ply", key: "p/2" })).toBe("p/2");
});

it("titles become file names", () => {
  expect(fileName("Kermit: the frog / 2")).toBe("Kermit-the-frog-2.png");
  expect(fileName("…")).toBe("model.png");
});
