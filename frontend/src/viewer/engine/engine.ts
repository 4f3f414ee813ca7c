/** The 3D view without its page: loads, draws when something changed, and gives everything back. */

import { PerspectiveCamera, Scene, Vector3, type WebGLRenderer } from "three";

import { outOfMemory, ViewerError } from "../problems";
import type { CameraFrame, LayerName, LayerSource, SplatSource, StartCamera, Vec3 } from "../types";
import type { Ball } from "./bounds";
import type { Loaded } from "./fetching";
import { Frustums, pyramidDepth } from "./frustums";
import { listen } from "./gestures";
import { Keys } from "./keys";
import type { Size } from "./lens";
import { lookedAt, meanUp, poseOf, rightOf, upOf } from "./poses";
import { Rig, type View } from "./rig";
import { Stage } from "./stage";
import { releaseShared } from "./statics";
import { between, TRAVEL_S } from "./travel";
import { createRenderer } from "./webgl";

export interface Events {
  /** Null: it is there, or will not come. */
  onProgress(what: Fetched, loaded: Loaded | null): void;
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

const TURN_PER_PX = 0.006;
const TURN_PER_S = 1.2;
const FLIGHT_PER_S = 0.5;
/** Slower than this, and flying slows down too instead of leaping. */
const LONGEST_STEP_S = 0.25;

export class Engine {
  readonly rig = new Rig();
  /** No travelling between views. */
  still = false;
  #flying = false;
  readonly #canvas: HTMLCanvasElement;
  readonly #events: Events;
  readonly #renderer: WebGLRenderer;
  readonly #camera = new PerspectiveCamera();
  readonly #overlay = new Scene();
  readonly #keys = new Keys();
  readonly #stop: (() => void)[] = [];
  #stage: Stage;
  #other: Stage | null = null;
  #split = 0.5;
  #frames: readonly CameraFrame[] = [];
  #frustums: Frustums | null = null;
  #ball: Ball = { centre: new Vector3(), radius: 1 };
  #home: View | null = null;
  #journey: { from: View; to: View; began: number } | null = null;
  #standing: number | null = null;
  #hovered: number | null = null;
  #size: Size = { width: 1, height: 1 };
  #handle = 0;
  #last = 0;
  #closed = false;
  #checked = false;

  /** Raises ViewerError `no_webgl2`. */
  constructor(canvas: HTMLCanvasElement, events: Events) {
    this.#canvas = canvas;
    this.#events = events;
    this.#renderer = createRenderer(canvas);
    this.#stage = new Stage(this.#renderer, this.invalidate);
    this.#stop.push(this.#listenToPointer(), this.#listenToContext(), this.#watchSize());
  }

  /** Draw once more soon. Nothing is drawn otherwise. */
  readonly invalidate = (): void => {
    if (this.#handle || this.#closed) return;
    this.#handle = requestAnimationFrame(this.#tick);
  };

  /** The main version; places the camera. */
  async load(source: SplatSource, signal: AbortSignal): Promise<void> {
    this.#ball = await this.#told("model", (onProgress) => this.#stage.loadSplats(source, { signal, onProgress }));
    this.invalidate();
  }

  /** Where looking begins: as saved; else where the first photo was taken, level; else before the whole. */
  begin(frames: readonly CameraFrame[], up: Vec3 | null | undefined, start: StartCamera | null | undefined): void {
    this.setFrames(frames);
    const poses = frames.map(poseOf);
    const middle = lookedAt(poses);
    if (middle) {
      const ways = poses.map((pose) => pose.position.distanceTo(middle)).toSorted((a, b) => a - b);
      this.#ball = { centre: middle, radius: Math.min(this.#ball.radius, ways[Math.floor(ways.length / 2)]! * 0.6) || this.#ball.radius };
    }
    this.rig.radius = this.#ball.radius;
    this.rig.up = up ? new Vector3(...up).normalize() : start ? new Vector3(...start.up).normalize() : meanUp(poses);
    this.rig.view = this.#first(frames, start);
    this.#home = { ...this.rig.view, position: this.rig.view.position.clone(), rotation: this.rig.view.rotation.clone() };
    this.#showFrustums(this.#frustums?.lines.visible ?? false);
    this.invalidate();
  }

  setFrames(frames: readonly CameraFrame[]): void {
    this.#frames = frames;
    this.#showFrustums(this.#frustums?.lines.visible ?? false);
  }

  async loadLayer(name: "mesh" | "points", source: LayerSource, signal: AbortSignal): Promise<void> {
    const ball = await this.#told(name, (onProgress) => this.#stage.loadLayer(name, source, { signal, onProgress }));
    // Alone, the layer says where to look.
    if (ball && !this.#home) this.#ball = ball;
    this.invalidate();
  }

  show(name: LayerName, visible: boolean): void {
    if (name === "cameras") this.#showFrustums(visible);
    else this.#stage.show(name, visible);
    this.invalidate();
  }

  /** Gaussians of the main version. */
  get count(): number {
    return this.#stage.count;
  }

  async compare(source: SplatSource | null, signal?: AbortSignal): Promise<void> {
    const before = this.#other;
    this.#other = null;
    this.invalidate();
    await before?.dispose();
    if (!source || !signal || signal.aborted) return;
    const stage = new Stage(this.#renderer, this.invalidate);
    try {
      await this.#told("comparison", (onProgress) => stage.loadSplats(source, { signal, onProgress }));
    } catch (error) {
      await stage.dispose();
      throw error;
    }
    this.#other = stage;
    this.invalidate();
  }

  /** The share of the width that the main version has. */
  setSplit(share: number): void {
    this.#split = share;
    this.invalidate();
  }

  /** Drag to look about instead of around. */
  setFlying(flying: boolean): void {
    this.#flying = flying;
  }

  frame(): void {
    this.#go(this.rig.framing(this.#ball.centre, this.#ball.radius, this.#size));
  }

  reset(): void {
    if (this.#home) this.#go(this.#home);
  }

  /** What is up on the screen is up in the world from now on. */
  setUpFromView(): void {
    this.#turnUp(upOf(this.rig.view));
  }

  flipUp(): void {
    this.#turnUp(this.rig.up.clone().negate());
  }

  /** Lay the world on its side: what is right on the screen becomes up. */
  tipOver(): void {
    this.#turnUp(rightOf(this.rig.view));
  }

  get start(): StartCamera {
    return this.rig.asStart(this.#size);
  }

  makeHome(): void {
    this.#home = { ...this.rig.view, position: this.rig.view.position.clone(), rotation: this.rig.view.rotation.clone() };
  }

  /** Into a photo's own camera, or out of it. */
  stand(index: number | null): void {
    const frame = index === null ? undefined : this.#frames[index];
    if (!frame) return this.#leavePhoto();
    const pose = poseOf(frame);
    const distance = Math.max(this.#ball.centre.distanceTo(pose.position), 0.1 * this.rig.radius);
    this.#standing = index;
    this.#frustums?.mark(index);
    this.#events.onStanding(index);
    this.#go({ ...pose, distance, lens: { kind: "photo", frame } }, true);
  }

  press(event: KeyboardEvent): boolean {
    const ours = this.#keys.press(event);
    if (ours) this.#moved();
    return ours;
  }

  release(event: KeyboardEvent): void {
    this.#keys.release(event);
  }

  releaseAll(): void {
    this.#keys.clear();
  }

  zoom(factor: number): void {
    this.#moved();
    this.rig.zoom(factor);
  }

  /** The canvas as it is, drawn for the moment of reading: its pixels are gone right after. */
  async picture(): Promise<ImageBitmap> {
    this.#render();
    return createImageBitmap(this.#canvas);
  }

  paint(plain: string, marked: string): void {
    this.#colours = [plain, marked];
    this.#frustums?.paint(plain, marked);
    this.invalidate();
  }
  #colours: [string, string] = ["#888888", "#2f6fed"];

  async dispose(): Promise<Leftovers> {
    this.#closed = true;
    cancelAnimationFrame(this.#handle);
    for (const stop of this.#stop) stop();
    await Promise.all([this.#stage.dispose(), this.#other?.dispose()]);
    this.#frustums?.dispose();
    this.#overlay.clear();
    releaseShared();
    this.#renderer.dispose();
    const { geometries, textures } = this.#renderer.info.memory;
    // Browsers let a page have few contexts, and free their memory late unless told.
    this.#renderer.forceContextLoss();
    return { geometries, textures };
  }

  readonly #tick = (now: number): void => {
    this.#handle = 0;
    const seconds = Math.min((now - this.#last) / 1000, LONGEST_STEP_S);
    this.#last = now;
    const moving = this.#travel(now) || this.#fly(seconds);
    this.#render();
    const settled = !moving && this.#stage.settled && (this.#other?.settled ?? true);
    if (settled && !this.#checked) this.#check();
    this.#events.onDrawn(settled);
    if (moving) this.invalidate();
  };

  #render(): void {
    const { width, height } = this.#size;
    this.rig.apply(this.#camera, this.#size);
    const renderer = this.#renderer;
    renderer.setScissorTest(false);
    renderer.clear();
    if (this.#other) {
      renderer.setScissorTest(true);
      renderer.setScissor(0, 0, width * this.#split, height);
      this.#stage.render(renderer, this.#camera);
      renderer.setScissor(width * this.#split, 0, width * (1 - this.#split), height);
      this.#other.render(renderer, this.#camera);
      renderer.setScissorTest(false);
    } else this.#stage.render(renderer, this.#camera);
    if (this.#frustums?.lines.visible) renderer.render(this.#overlay, this.#camera);
  }

  #travel(now: number): boolean {
    if (!this.#journey) return false;
    const { from, to, began } = this.#journey;
    const done = Math.min(1, Math.max(0, (now - began) / 1000 / TRAVEL_S));
    this.rig.view = between(from, to, done, this.#size);
    if (done >= 1) this.#journey = null;
    return done < 1;
  }

  #fly(seconds: number): boolean {
    if (!this.#keys.any) return false;
    this.rig.unbind(this.#size);
    const [right, up, forward] = this.#keys.flight.map((speed) => speed * FLIGHT_PER_S * this.rig.reach * seconds) as [number, number, number];
    this.rig.fly(right, up, forward);
    const [turnRight, turnDown] = this.#keys.turning.map((speed) => speed * TURN_PER_S * seconds) as [number, number];
    if (this.#flying) this.rig.look(turnRight, turnDown);
    else this.rig.orbit(turnRight, turnDown);
    return true;
  }

  #go(to: View, standing = false): void {
    if (!standing) this.#left();
    if (this.still) this.rig.view = between(to, to, 1, this.#size);
    else {
      this.#last = performance.now();
      this.#journey = { from: this.rig.view, to, began: this.#last };
    }
    this.invalidate();
  }

  /** The visitor moves by hand: no journey goes on, and a photo is left. */
  #moved(): void {
    this.#journey = null;
    this.#left();
    this.rig.unbind(this.#size);
    if (!this.#handle) this.#last = performance.now();
    this.invalidate();
  }

  #left(): void {
    if (this.#standing === null) return;
    this.#standing = null;
    this.#frustums?.mark(this.#hovered);
    this.#events.onStanding(null);
  }

  #leavePhoto(): void {
    this.#left();
    this.rig.unbind(this.#size);
    this.#go(this.rig.levelled());
  }

  #turnUp(up: Vector3): void {
    this.rig.up = up.normalize();
    this.#go(this.rig.levelled());
  }

  #first(frames: readonly CameraFrame[], start: StartCamera | null | undefined): View {
    if (start) return this.rig.starting(start);
    const { centre, radius } = this.#ball;
    const fov_deg = 50;
    const up: Vec3 = this.rig.up.toArray();
    if (!frames[0]) {
      const position = centre.clone().addScaledVector(new Vector3(0, 0, -1), radius / Math.sin((fov_deg * Math.PI) / 360));
      return this.rig.starting({ position: position.toArray(), target: centre.toArray(), up, fov_deg });
    }
    const frame = frames[0];
    const fov = (2 * Math.atan(frame.height / 2 / frame.fy) * 180) / Math.PI;
    return this.rig.starting({ position: poseOf(frame).position.toArray(), target: centre.toArray(), up, fov_deg: fov });
  }

  #showFrustums(visible: boolean): void {
    this.#frustums?.dispose();
    this.#overlay.clear();
    this.#frustums = null;
    if (this.#frames.length === 0) return;
    const frustums = new Frustums(this.#frames, pyramidDepth(this.#frames.map(poseOf), this.#ball.radius));
    frustums.paint(...this.#colours);
    frustums.lines.visible = visible;
    frustums.mark(this.#standing);
    this.#overlay.add(frustums.lines);
    this.#frustums = frustums;
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
    if (index === this.#hovered) return;
    this.#hovered = index;
    this.#frustums?.mark(index ?? this.#standing);
    this.#events.onHover(index);
    this.invalidate();
  }

  #listenToPointer(): () => void {
    return listen(this.#canvas, {
      turn: (right, down) => {
        this.#moved();
        if (this.#flying) this.rig.look(right * TURN_PER_PX, down * TURN_PER_PX);
        else this.rig.orbit(right * TURN_PER_PX, down * TURN_PER_PX);
      },
      shift: (right, down) => {
        this.#moved();
        this.rig.pan(right, down, this.#size);
      },
      zoom: (factor) => this.zoom(factor),
      tap: (x, y) => {
        const index = this.#frustums?.at(this.#camera, this.#size, x, y) ?? null;
        if (index !== null) this.stand(index);
      },
      hover: (x, y) => this.#hover(this.#frustums?.at(this.#camera, this.#size, x, y) ?? null),
      leave: () => this.#hover(null),
    });
  }

  #listenToContext(): () => void {
    const lost = (event: Event) => {
      event.preventDefault();
      if (this.#closed) return;
      this.#events.onFailure(
        new ViewerError("context_lost", "The graphics card took the 3D view away.", "That happens when memory runs low or the computer slept. Try again; close other tabs if it comes back."),
      );
    };
    this.#canvas.addEventListener("webglcontextlost", lost);
    return () => this.#canvas.removeEventListener("webglcontextlost", lost);
  }

  #watchSize(): () => void {
    const measure = () => {
      const box = this.#canvas.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) return;
      this.#size = { width: box.width, height: box.height };
      this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
      this.#renderer.setSize(box.width, box.height, false);
      // Resizing empties the canvas: waiting for the next frame would flash.
      if (!this.#closed && this.#home) this.#render();
      this.invalidate();
    };
    const observer = new ResizeObserver(measure);
    observer.observe(this.#canvas);
    measure();
    return () => observer.disconnect();
  }
}

