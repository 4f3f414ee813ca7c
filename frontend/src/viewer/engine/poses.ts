/** Cameras of the API as poses in the world, and what a set of them says about the scene. */

import { Matrix3, Matrix4, Quaternion, Vector3 } from "three";

import type { CameraFrame, Rows4 } from "../types";

export interface Pose {
  position: Vector3;
  /** world_from_camera, of OpenGL's camera axes (y up, looking along -z). */
  rotation: Quaternion;
}

export function matrixOf(rows: Rows4): Matrix4 {
  const n = rows.flat();
  return new Matrix4().fromArray(n).transpose();
}

export function poseOf(frame: Pick<CameraFrame, "camera_from_world">): Pose {
  const worldFromCamera = matrixOf(frame.camera_from_world).invert();
  // OpenCV's y and z axes point the other way than OpenGL's.
  const turned = worldFromCamera.clone().multiply(new Matrix4().makeScale(1, -1, -1));
  return { position: new Vector3().setFromMatrixPosition(worldFromCamera), rotation: new Quaternion().setFromRotationMatrix(turned) };
}

export const upOf = (pose: Pose): Vector3 => new Vector3(0, 1, 0).applyQuaternion(pose.rotation);
export const forwardOf = (pose: Pose): Vector3 => new Vector3(0, 0, -1).applyQuaternion(pose.rotation);
export const rightOf = (pose: Pose): Vector3 => new Vector3(1, 0, 0).applyQuaternion(pose.rotation);

/** The mean up of all cameras; -y, the captured world's usual up, where there are none or they cancel. */
export function meanUp(poses: readonly Pose[]): Vector3 {
  const sum = poses.reduce((total, pose) => total.add(upOf(pose)), new Vector3());
  return sum.length() > 0.4 * poses.length && poses.length > 0 ? sum.normalize() : new Vector3(0, -1, 0);
}

/**
 * The point nearest to all lines of sight (least squares), where people look at: a better middle than that of the
 * Gaussians, which reach far behind. Null where the lines are nearly parallel, or it lies behind most cameras.
 */
export function lookedAt(poses: readonly Pose[]): Vector3 | null {
  if (poses.length < 2) return null;
  const [normal, right] = [new Matrix3().set(0, 0, 0, 0, 0, 0, 0, 0, 0), new Vector3()];
  for (const pose of poses) {
    const d = forwardOf(pose);
    const off = new Matrix3().set(1 - d.x * d.x, -d.x * d.y, -d.x * d.z, -d.x * d.y, 1 - d.y * d.y, -d.y * d.z, -d.x * d.z, -d.y * d.z, 1 - d.z * d.z);
    off.elements.forEach((value, at) => (normal.elements[at]! += value / poses.length));
    right.add(pose.position.clone().applyMatrix3(off).divideScalar(poses.length));
  }
  // The determinant is the product of the squared sines' means: tiny where all look the same way.
  if (normal.determinant() < 1e-3) return null;
  const point = right.applyMatrix3(normal.invert());
  const inFront = poses.filter((pose) => point.clone().sub(pose.position).dot(forwardOf(pose)) > 0);
  return inFront.length * 2 > poses.length ? point : null;
}

/** world_from_camera rotation that looks from `position` to `target` with `up` up. */
export function lookingAt(position: Vector3, target: Vector3, up: Vector3): Quaternion {
  return new Quaternion().setFromRotationMatrix(new Matrix4().lookAt(position, target, up));
}
