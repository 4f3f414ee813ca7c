/** All cameras as one draw of instanced lines: a pyramid each, with a tick on its upper side. */

import {
  type Camera,
  Color,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  Float32BufferAttribute,
  LineSegments,
  Matrix4,
  ShaderMaterial,
  Vector3,
} from "three";

import type { CameraFrame } from "../types";
import type { Size } from "./lens";
import { type Outline, picked } from "./picking";
import { type Pose, poseOf } from "./poses";

/** Lines in the frame where the picture's plane is z = 1 and spans -1..1, y down, as OpenCV has it. */
const A = [0, 0, 0], B = [-1, -1, 1], C = [1, -1, 1], D = [1, 1, 1], E = [-1, 1, 1];
const TICK = [[-0.3, -1.1, 1], [0.3, -1.1, 1], [0, -1.5, 1]] as const;
const LINES = [A, B, A, C, A, D, A, E, B, C, C, D, D, E, E, B, TICK[0], TICK[1], TICK[1], TICK[2], TICK[2], TICK[0]].flat();

const VERTEX = `
attribute mat4 placed;
attribute float chosen;
varying float vChosen;
void main() {
  vChosen = chosen;
  gl_Position = projectionMatrix * modelViewMatrix * placed * vec4(position, 1.0);
}`;
const FRAGMENT = `
uniform vec3 plain;
uniform vec3 marked;
varying float vChosen;
void main() { gl_FragColor = vec4(mix(plain, marked, vChosen), 1.0); }`;

export class Frustums {
  readonly lines: LineSegments<InstancedBufferGeometry, ShaderMaterial>;
  readonly poses: readonly Pose[];
  readonly #outlines: readonly Outline[];
  readonly #chosen: InstancedBufferAttribute;

  /** `depth`: of the pyramids, world units. */
  constructor(frames: readonly CameraFrame[], depth: number) {
    this.poses = frames.map(poseOf);
    const matrices = frames.map((frame, i) => placed(frame, this.poses[i]!, depth));
    this.#outlines = matrices.map((matrix, i) => ({
      centre: this.poses[i]!.position,
      corners: [B, C, D, E].map(([x, y, z]) => new Vector3(x, y, z).applyMatrix4(matrix)),
    }));
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute("position", new Float32BufferAttribute(LINES, 3));
    geometry.setAttribute("placed", new InstancedBufferAttribute(new Float32Array(matrices.flatMap((m) => m.elements)), 16));
    this.#chosen = new InstancedBufferAttribute(new Float32Array(frames.length), 1);
    geometry.setAttribute("chosen", this.#chosen);
    const uniforms = { plain: { value: new Color() }, marked: { value: new Color() } };
    this.lines = new LineSegments(geometry, new ShaderMaterial({ uniforms, vertexShader: VERTEX, fragmentShader: FRAGMENT }));
    this.lines.frustumCulled = false;
    this.lines.visible = false;
  }

  /** sRGB, as CSS says them: the shader writes them as they are. */
  paint(plain: string, marked: string): void {
    (this.lines.material.uniforms["plain"]!.value as Color).set(plain).convertLinearToSRGB();
    (this.lines.material.uniforms["marked"]!.value as Color).set(marked).convertLinearToSRGB();
  }

  mark(index: number | null): void {
    this.#chosen.array.fill(0);
    if (index !== null) this.#chosen.array[index] = 1;
    this.#chosen.needsUpdate = true;
  }

  at(camera: Camera, canvas: Size, x: number, y: number): number | null {
    if (!this.lines.visible) return null;
    const clipFromWorld = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
    return picked(this.#outlines, clipFromWorld, canvas, x, y);
  }

  dispose(): void {
    this.lines.geometry.dispose();
    this.lines.material.dispose();
  }
}

/** world from the pyramid's frame. */
function placed(frame: CameraFrame, pose: Pose, depth: number): Matrix4 {
  const scale = new Matrix4().makeScale((depth * frame.width) / 2 / frame.fx, (depth * frame.height) / 2 / frame.fy, depth);
  const off = new Matrix4().makeTranslation((depth * (frame.width / 2 - frame.cx)) / frame.fx, (depth * (frame.height / 2 - frame.cy)) / frame.fy, 0);
  const openCv = new Matrix4().makeScale(1, -1, -1);
  const world = new Matrix4().compose(pose.position, pose.rotation, new Vector3(1, 1, 1));
  return world.multiply(openCv).multiply(off).multiply(scale);
}

/** A size that lets neighbours be told apart: part of the usual way to the nearest other camera. */
export function pyramidDepth(poses: readonly Pose[], radius: number): number {
  const gaps = poses.map((pose) => Math.min(...poses.filter((other) => other !== pose).map((other) => other.position.distanceTo(pose.position))));
  const usual = gaps.filter(Number.isFinite).toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)];
  return Math.min(0.35 * (usual ?? radius / 4), radius / 4) || radius / 10;
}
