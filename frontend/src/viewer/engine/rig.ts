/** The visitor's camera: where it stands, what it turns about, which way is up, and through which lens it looks. */

import { Quaternion, type PerspectiveCamera, Vector3 } from "three";

import type { StartCamera } from "../types";
import { fovOf, type Lens, projectionOf, type Size, spanOf } from "./lens";
import { forwardOf, lookingAt, type Pose, rightOf, upOf } from "./poses";

/** Nearer than this to the pole, orbiting stops: beyond it left and right would change places. */
const POLE = (4 * Math.PI) / 180;
const NEAREST = 0.02;

export interface View extends Pose {
  /** To the point turned about, which lies straight ahead. */
  distance: number;
  lens: Lens;
}

export class Rig {
  view: View = { position: new Vector3(0, 0, -3), rotation: new Quaternion(), distance: 3, lens: { kind: "fov", fovDeg: 50 } };
  up = new Vector3(0, -1, 0);
  /** Of the scene, world units: the measure of steps and of the nearest and farthest thing drawn. */
  radius = 1;

  get target(): Vector3 {
    return this.view.position.clone().addScaledVector(forwardOf(this.view), this.view.distance);
  }

  /** What a usual step is measured by: the scene, or the way to it from afar. */
  get reach(): number {
    return Math.max(this.radius, this.view.distance / 2);
  }

  /** Turn about the target: `right` and `down` in radians, as the pointer was dragged. */
  orbit(right: number, down: number): void {
    const target = this.target;
    const turn = new Quaternion().setFromAxisAngle(this.up, -right);
    turn.multiply(new Quaternion().setFromAxisAngle(rightOf(this.view), -this.#withinPoles(down)));
    this.view.position.sub(target).applyQuaternion(turn).add(target);
    this.view.rotation.premultiply(turn).normalize();
  }

  /** Turn the head instead. */
  look(right: number, down: number): void {
    const turn = new Quaternion().setFromAxisAngle(this.up, -right);
    turn.multiply(new Quaternion().setFromAxisAngle(rightOf(this.view), -this.#withinPoles(down)));
    this.view.rotation.premultiply(turn).normalize();
  }

  /** Shift so that what lies at the target follows the pointer; CSS pixels. */
  pan(right: number, down: number, canvas: Size): void {
    const worldPerPixel = (2 * this.view.distance * Math.tan((fovOf(this.view.lens, canvas) * Math.PI) / 360)) / canvas.height;
    this.view.position.addScaledVector(rightOf(this.view), -right * worldPerPixel);
    this.view.position.addScaledVector(upOf(this.view), down * worldPerPixel);
  }

  /** Towards the target by a factor; what is near enough is passed, so that rooms can be entered. */
  zoom(factor: number): void {
    const wanted = this.view.distance * factor;
    this.view.position.addScaledVector(forwardOf(this.view), this.view.distance - wanted);
    this.view.distance = Math.max(wanted, NEAREST * this.radius);
  }

  /** Move without turning: right, up, forward in world units. */
  fly(right: number, up: number, forward: number): void {
    this.view.position
      .addScaledVector(rightOf(this.view), right)
      .addScaledVector(upOf(this.view), up)
      .addScaledVector(forwardOf(this.view), forward);
  }

  /** From here, level, at a distance that shows the whole ball. */
  framing(centre: Vector3, radius: number, canvas: Size): View {
    const fovDeg = spanOf(this.view.lens, canvas);
    const distance = radius / Math.sin((fovDeg * Math.PI) / 360);
    const position = centre.clone().addScaledVector(forwardOf(this.view), -distance);
    return { position, rotation: lookingAt(position, centre, this.up), distance, lens: { kind: "fov", fovDeg } };
  }

  /** The same direction with the present up up. */
  levelled(): View {
    return { ...this.view, position: this.view.position.clone(), rotation: lookingAt(this.view.position, this.target, this.up) };
  }

  starting(start: StartCamera): View {
    const [position, target] = [new Vector3(...start.position), new Vector3(...start.target)];
    return {
      position,
      rotation: lookingAt(position, target, new Vector3(...start.up)),
      distance: Math.max(position.distanceTo(target), 1e-6),
      lens: { kind: "fov", fovDeg: start.fov_deg },
    };
  }

  /** What to save so that `starting` gives this view again, but for a photo's tilt and its off-centre lens. */
  asStart(canvas: Size): StartCamera {
    const of = (v: Vector3): [number, number, number] => [v.x, v.y, v.z];
    return { position: of(this.view.position), target: of(this.target), up: of(this.up), fov_deg: spanOf(this.view.lens, canvas) };
  }

  /** Leave a photo's lens for one as wide, when the visitor moves on from it. */
  unbind(canvas: Size): void {
    if (this.view.lens.kind === "photo") this.view.lens = { kind: "fov", fovDeg: spanOf(this.view.lens, canvas) };
  }

  apply(camera: PerspectiveCamera, canvas: Size): void {
    camera.position.copy(this.view.position);
    camera.quaternion.copy(this.view.rotation);
    camera.near = 0.005 * this.radius;
    camera.far = Math.max(200 * this.radius, 8 * this.view.distance);
    camera.fov = fovOf(this.view.lens, canvas);
    camera.aspect = canvas.width / canvas.height;
    camera.projectionMatrix.copy(projectionOf(this.view.lens, canvas, camera.near, camera.far));
    camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
    camera.updateMatrixWorld(true);
  }

  /** Of a turn downwards about the right axis what the poles allow. */
  #withinPoles(down: number): number {
    const angle = forwardOf(this.view).angleTo(this.up);
    // Dragging down turns the look away from up by as much. Whoever already looks beyond a pole, in a photo taken
    // straight down, may come back but go no further.
    return down > 0 ? Math.min(down, Math.max(0, Math.PI - POLE - angle)) : Math.max(down, Math.min(0, POLE - angle));
  }
}
