/** Projections: a field of view to walk about with, a photo's own intrinsics to stand in it. */

import { Matrix4 } from "three";

import type { CameraFrame } from "../types";
import { letterbox } from "./letterbox";

/** `fovDeg`: across the canvas's shorter side, so that what a wide window shows is not cut off on an upright phone. */
export type Lens = { kind: "fov"; fovDeg: number } | { kind: "photo"; frame: Intrinsics };
export type Intrinsics = Pick<CameraFrame, "fx" | "fy" | "cx" | "cy" | "width" | "height">;
export interface Size {
  width: number;
  height: number;
}

/** OpenGL's clip space from its camera space (looking along -z, y up). */
export function projectionOf(lens: Lens, canvas: Size, near: number, far: number): Matrix4 {
  const { fx, fy, cx, cy } = inCanvas(lens, canvas);
  // Pixel (u, v) = (fx X/Z + cx, fy Y/Z + cy) in OpenCV axes; here X = x, Y = -y, Z = -z, and v grows downwards.
  return new Matrix4().set(
    (2 * fx) / canvas.width, 0, 1 - (2 * cx) / canvas.width, 0,
    0, (2 * fy) / canvas.height, (2 * cy) / canvas.height - 1, 0,
    0, 0, -(far + near) / (far - near), (-2 * far * near) / (far - near),
    0, 0, -1, 0,
  );
}

/** Vertical field of view of the whole canvas, degrees. */
export function fovOf(lens: Lens, canvas: Size): number {
  return angleOf(canvas.height, inCanvas(lens, canvas).fy);
}

/** The same across its shorter side: what a `fov` lens is made of. */
export function spanOf(lens: Lens, canvas: Size): number {
  return lens.kind === "fov" ? lens.fovDeg : angleOf(shorterOf(canvas), inCanvas(lens, canvas).fy);
}

function angleOf(side: number, focal: number): number {
  return (2 * Math.atan(side / 2 / focal) * 180) / Math.PI;
}

function shorterOf({ width, height }: Size): number {
  return Math.min(width, height);
}

/** Focal lengths and principal point in canvas pixels; a photo lies letterboxed. */
function inCanvas(lens: Lens, canvas: Size): { fx: number; fy: number; cx: number; cy: number } {
  if (lens.kind === "fov") {
    const focal = shorterOf(canvas) / 2 / Math.tan((lens.fovDeg * Math.PI) / 360);
    return { fx: focal, fy: focal, cx: canvas.width / 2, cy: canvas.height / 2 };
  }
  const { frame } = lens;
  const { left, top, scale } = letterbox(frame, canvas);
  return { fx: frame.fx * scale, fy: frame.fy * scale, cx: left + frame.cx * scale, cy: top + frame.cy * scale };
}
