/** The 3D view without its page: loads, draws when something changed, and gives everything back. */

import { PerspectiveCamera, Vector3, type WebGLRenderer } from "three";

import { outOfMemory, type ViewerError } from "../problems";
import type { CameraFrame, LayerName, LayerSource, SplatSource, StartCamera, Vec3 } from "../types";
import type { Ball } from "./bounds";
import { onContextLost, watchSize } from "./canvas";
import type { Loaded } from "./fetching";
import { listen } from "./gestures";
import type { Size } from "./lens";
import { opening, subject } from "./opening";
import { Panes } from "./panes";
import { Photographers } from "./photographers";
import { poseOf, rightOf, upOf } from "./poses";
import type { View } from "./rig";
import { releaseShared } from "./statics";
import { Walk } from "./walk";
import { createRenderer } from "./webgl";

export interface Events {
  /** Null: it is there, or will not come. */
  onProgress(what: Fetched, loaded: Loaded | null): void;
  /** Another frame has to be drawn: what is on the screen is not all that there is to see. */
  onDue(): void;
  /** After each frame: whether it shows what the camera sees to the end. */
  onDrawn(settled: boolean): void;
  onStanding(index: number | null): void;
  onHover(index: number | null): void;
  onFailure(error: ViewerError): void;
}

export type Fetched = "model" | "comparison" | "mesh" | "points";

/** What of the GPU's things is left after `dispose`; zeros, or something leaks. */
export interface Leftovers {
  geometries: number;
  textures: number;
}

export class Engine {
  readonly #canvas: HTMLCanvasElement;
  readonly #events: Events;
  readonly #renderer: WebGLRenderer;
  readonly #camera = new PerspectiveCamera();
  readonly #walk = new Walk();
  readonly #panes: Panes;
  readonly #photographers = new Photographers();
  readonly #stop: (() => void)[] = [];
  #ball: Ball = { centre: new Vector3(), radius: 1 };
  #handle = 0;
  #closed = false;
  #checked = false;

  /** Raises ViewerError `no_webgl2`. */
  constructor(canvas: HTMLCanvasElement, events: Events) {
    this.#canvas = canvas;
    this.#events = events;
    this.#renderer = createRenderer(canvas);
    this.#panes = new Panes(this.#renderer, this.invalidate);
    this.#stop.push(
      this.#listenToPointer(),
      watchSize(canvas, this.#fit),
      onContextLost(canvas, (error) => this.#closed || events.onFailure(error)),
    );
  }

  /** Draw once more soon. Nothing is drawn otherwise. */
  readonly invalidate = (): void => {
    if (this.#handle || this.#closed) return;
    this.#handle = requestAnimationFrame(this.#tick);
    this.#events.onDue();
  };

  /** The main version; places the camera. */
  async load(source: SplatSource, signal: AbortSignal): Promise<void> {
    this.#ball = await this.#told("model", (onProgress) => this.#panes.main.loadSplats(source, { signal, onProgress }));
    this.invalidate();
  }

  /** Where looking begins; see opening.ts. */
  begin(frames: readonly CameraFrame[], up: Vec3 | null | undefined, start: StartCamera | null | undefined): void {
    this.#ball = subject(this.#ball, frames);
    const { rig } = this.#walk;
    rig.radius = this.#ball.radius;
    const first = opening(this.#ball, frames, up, start);
    rig.up = new Vector3(...(up ?? first.up)).normalize();
    this.#walk.begin(rig.starting(first));
    this.setFrames(frames);
  }

  setFrames(frames: readonly CameraFrame[]): void {
    this.#photographers.place(frames, this.#ball.radius);
    this.invalidate();
  }

  async loadLayer(name: "mesh" | "points", source: LayerSource, signal: AbortSignal): Promise<void> {
    const ball = await this.#told(name, (onProgress) => this.#panes.main.loadLayer(name, source, { signal, onProgress }));
    // Alone, the layer says where to look.
    if (ball && !this.#walk.begun) this.#ball = ball;
    this.invalidate();
  }

  show(name: LayerName, visible: boolean): void {
    if (name === "cameras") this.#photographers.show(visible);
    else this.#panes.main.show(name, visible);
    this.invalidate();
  }

  /** Gaussians of the main version. */
  get count(): number {
    return this.#panes.main.count;
  }

  /** A second version beside the main one; null: none. */
  async compare(source: SplatSource | null, signal?: AbortSignal): Promise<void> {
    if (!source || !signal || signal.aborted) return this.#panes.compare(null);
    await this.#panes.compare((stage) => this.#told("comparison", (onProgress) => stage.loadSplats(source, { signal, onProgress })));
  }

  /** The share of the width that the main version has. */
  setSplit(share: number): void {
    this.#panes.split = share;
    this.invalidate();
  }

  /** Drag to look about instead of around. */
  setFlying(flying: boolean): void {
    this.#walk.flying = flying;
  }

  /** No travelling between views. */
  setStill(still: boolean): void {
    this.#walk.still = still;
  }

  frame(): void {
    this.#go(this.#walk.rig.framing(this.#ball.centre, this.#ball.radius, this.#walk.size));
  }

  reset(): void {
    this.#left();
    this.#walk.home();
    this.invalidate();
  }

  /** What is up on the screen is up in the world from now on. */
  setUpFromView(): void {
    this.#turnUp(upOf(this.#walk.rig.view));
  }

  flipUp(): void {
    this.#turnUp(this.#walk.rig.up.clone().negate());
  }

  /** Lay the world on its side: what is right on the screen becomes up. */
  tipOver(): void {
    this.#turnUp(rightOf(this.#walk.rig.view));
  }

  get start(): StartCamera {
    return this.#walk.rig.asStart(this.#walk.size);
  }

  makeHome(): void {
    this.#walk.makeHome();
  }

  /** Into a photo's own camera, or out of it. */
  stand(index: number | null): void {
    const frame = index === null ? undefined : this.#photographers.frames[index];
    if (!frame) return this.#leavePhoto();
    const pose = poseOf(frame);
    const distance = Math.max(this.#ball.centre.distanceTo(pose.position), 0.1 * this.#walk.rig.radius);
    this.#photographers.stand(index);
    this.#events.onStanding(index);
    this.#go({ ...pose, distance, lens: { kind: "photo", frame } }, true);
  }

  press(event: KeyboardEvent): boolean {
    const ours = this.#walk.keys.press(event);
    if (ours) this.#moved();
    return ours;
  }

  release(event: KeyboardEvent): void {
    this.#walk.keys.release(event);
  }

  releaseAll(): void {
    this.#walk.keys.clear();
  }

  zoom(factor: number): void {
    this.#moved();
    this.#walk.rig.zoom(factor);
  }

  /** The canvas as it is, drawn for the moment of reading: its pixels are gone right after. */
  async picture(): Promise<ImageBitmap> {
    this.#render();
    return createImageBitmap(this.#canvas);
  }

  paint(plain: string, marked: string): void {
    this.#photographers.paint(plain, marked);
    this.invalidate();
  }

  async dispose(): Promise<Leftovers> {
    this.#closed = true;
    cancelAnimationFrame(this.#handle);
    for (const stop of this.#stop) stop();
    await this.#panes.dispose();
    this.#photographers.dispose();
    releaseShared();
    this.#renderer.dispose();
    const { geometries, textures } = this.#renderer.info.memory;
    // Browsers let a page have few contexts, and free their memory late unless told.
    this.#renderer.forceContextLoss();
    return { geometries, textures };
  }

  readonly #tick = (now: number): void => {
    this.#handle = 0;
    const moving = this.#walk.step(now);
    this.#render();
    const settled = !moving && this.#panes.settled;
    if (settled && !this.#checked) this.#check();
    this.#events.onDrawn(settled);
    if (moving) this.invalidate();
  };

  #render(): void {
    this.#walk.rig.apply(this.#camera, this.#walk.size);
    this.#panes.render(this.#camera, this.#walk.size);
    this.#photographers.render(this.#renderer, this.#camera);
  }

  #go(to: View, standing = false): void {
    if (!standing) this.#left();
    this.#walk.go(to);
    this.invalidate();
  }

  /** The visitor moves by hand: no journey goes on, and a photo is left. */
  #moved(): void {
    this.#left();
    this.#walk.takeOver(!this.#handle);
    this.invalidate();
  }

  #left(): void {
    if (this.#photographers.standing === null) return;
    this.#photographers.stand(null);
    this.#events.onStanding(null);
  }

  #leavePhoto(): void {
    this.#left();
    this.#walk.takeOver(!this.#handle);
    this.#go(this.#walk.rig.levelled());
  }

  #turnUp(up: Vector3): void {
    this.#walk.rig.up = up.normalize();
    this.#go(this.#walk.rig.levelled());
  }

  async #told<Result>(what: Fetched, load: (onProgress: (loaded: Loaded) => void) => Promise<Result>): Promise<Result> {
    try {
      return await load((loaded) => this.#events.onProgress(what, loaded));
    } finally {
      this.#events.onProgress(what, null);
    }
  }

  /** Memory that ran out does not raise: the graphics card says so when asked. */
  #check(): void {
    this.#checked = true;
    const gl = this.#renderer.getContext();
    if (gl.getError() === gl.OUT_OF_MEMORY) this.#events.onFailure(outOfMemory());
  }

  #hover(index: number | null): void {
    if (!this.#photographers.hover(index)) return;
    this.#events.onHover(index);
    this.invalidate();
  }

  #listenToPointer(): () => void {
    const at = (x: number, y: number) => this.#photographers.at(this.#camera, this.#walk.size, x, y);
    return listen(this.#canvas, {
      turn: (right, down) => {
        this.#moved();
        this.#walk.turn(right, down);
      },
      shift: (right, down) => {
        this.#moved();
        this.#walk.rig.pan(right, down, this.#walk.size);
      },
      zoom: (factor) => this.zoom(factor),
      tap: (x, y) => {
        const index = at(x, y);
        if (index !== null) this.stand(index);
      },
      hover: (x, y) => this.#hover(at(x, y)),
      leave: () => this.#hover(null),
    });
  }

  readonly #fit = (size: Size): void => {
    this.#walk.size = size;
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.#renderer.setSize(size.width, size.height, false);
    // Resizing empties the canvas: waiting for the next frame would flash.
    if (!this.#closed && this.#walk.begun) this.#render();
    this.invalidate();
  };
}
