/** What is looked at first, and from where. */

import { Vector3 } from "three";

import type { CameraFrame, StartCamera, Vec3 } from "../types";
import type { Ball } from "./bounds";
import { lookedAt, meanUp, poseOf } from "./poses";

const FOV_DEG = 50;
/** Of the usual way from a camera to what it looks at: how much of that belongs to the subject. */
const SUBJECT = 0.6;

/** The part of a model that people photographed; the whole where the cameras do not say. */
export function subject(whole: Ball, frames: readonly CameraFrame[]): Ball {
  const poses = frames.map(poseOf);
  const centre = lookedAt(poses);
  if (!centre) return whole;
  const ways = poses.map((pose) => pose.position.distanceTo(centre)).toSorted((a, b) => a - b);
  return { centre, radius: Math.min(whole.radius, ways[Math.floor(ways.length / 2)]! * SUBJECT) || whole.radius };
}

/** As saved; else level from where the first photo was taken; else from before the whole, along the captured world's z. */
export function opening(ball: Ball, frames: readonly CameraFrame[], up: Vec3 | null | undefined, start: StartCamera | null | undefined): StartCamera {
  if (start) return start;
  const [target, upwards] = [ball.centre.toArray(), up ?? meanUp(frames.map(poseOf)).toArray()];
  const frame = frames[0];
  if (frame) return { position: poseOf(frame).position.toArray(), target, up: upwards, fov_deg: (2 * Math.atan(frame.height / 2 / frame.fy) * 180) / Math.PI };
  const position = ball.centre.clone().addScaledVector(new Vector3(0, 0, -1), ball.radius / Math.sin((FOV_DEG * Math.PI) / 360));
  return { position: position.toArray(), target, up: upwards, fov_deg: FOV_DEG };
}
