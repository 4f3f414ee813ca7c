/** How the visitor gets about: journeys between views, keys held down, home. Each step says whether more is to come. */

import { Keys } from "./keys";
import type { Size } from "./lens";
import { Rig, type View } from "./rig";
import { between, TRAVEL_S } from "./travel";

const TURN_PER_PX = 0.006;
const TURN_PER_S = 1.2;
const FLIGHT_PER_S = 0.5;
/** Slower than this, and flying slows down too instead of leaping. */
const LONGEST_STEP_S = 0.25;

export class Walk {
  readonly rig = new Rig();
  readonly keys = new Keys();
  /** Drag to look about instead of around. */
  flying = false;
  /** No journeys: one is there at once. */
  still = false;
  size: Size = { width: 1, height: 1 };
  #home: View | null = null;
  #journey: { from: View; to: View; began: number } | null = null;
  #last = 0;

  /** Whether a beginning was chosen yet. */
  get begun(): boolean {
    return this.#home !== null;
  }

  begin(view: View): void {
    this.rig.view = view;
    this.makeHome();
  }

  makeHome(): void {
    this.#home = copyOf(this.rig.view);
  }

  home(): void {
    if (this.#home) this.go(this.#home);
  }

  go(to: View): void {
    if (this.still) this.rig.view = copyOf(to);
    else this.#journey = { from: this.rig.view, to, began: performance.now() };
    this.#last = performance.now();
  }

  /** The visitor takes over: no journey goes on, and a photo's lens is left behind. */
  takeOver(resting: boolean): void {
    this.#journey = null;
    this.rig.unbind(this.size);
    if (resting) this.#last = performance.now();
  }

  /** Dragged by so many pixels. */
  turn(right: number, down: number): void {
    this.#turn(right * TURN_PER_PX, down * TURN_PER_PX);
  }

  step(now: number): boolean {
    const seconds = Math.min(Math.max(0, now - this.#last) / 1000, LONGEST_STEP_S);
    this.#last = now;
    return this.#travel(now) || this.#fly(seconds);
  }

  #turn(right: number, down: number): void {
    if (this.flying) this.rig.look(right, down);
    else this.rig.orbit(right, down);
  }

  #travel(now: number): boolean {
    if (!this.#journey) return false;
    const { from, to, began } = this.#journey;
    const done = Math.min(1, Math.max(0, (now - began) / 1000 / TRAVEL_S));
    this.rig.view = between(from, to, done, this.size);
    if (done >= 1) this.#journey = null;
    return done < 1;
  }

  #fly(seconds: number): boolean {
    if (!this.keys.any) return false;
    const way = FLIGHT_PER_S * this.rig.reach * seconds;
    const [right, up, forward] = this.keys.flight;
    this.rig.fly(right * way, up * way, forward * way);
    const [turnRight, turnDown] = this.keys.turning;
    this.#turn(turnRight * TURN_PER_S * seconds, turnDown * TURN_PER_S * seconds);
    return true;
  }
}

const copyOf = (view: View): View => ({ ...view, position: view.position.clone(), rotation: view.rotation.clone() });
