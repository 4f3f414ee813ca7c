/** Where the photos were taken from, drawn over the model: which one is pointed at, and in which one somebody stands. */

import { type Camera, type PerspectiveCamera, Scene, type WebGLRenderer } from "three";

import type { CameraFrame } from "../types";
import { Frustums, pyramidDepth } from "./frustums";
import type { Size } from "./lens";
import { poseOf } from "./poses";

export class Photographers {
  frames: readonly CameraFrame[] = [];
  readonly #scene = new Scene();
  #frustums: Frustums | null = null;
  #shown = false;
  #standing: number | null = null;
  #hovered: number | null = null;
  #colours: [string, string] = ["#888888", "#2f6fed"];

  /** `radius`: of the scene, world units; pyramids are to be small in it. */
  place(frames: readonly CameraFrame[], radius: number): void {
    this.dispose();
    this.frames = frames;
    if (frames.length === 0) return;
    this.#frustums = new Frustums(frames, pyramidDepth(frames.map(poseOf), radius));
    this.#frustums.paint(...this.#colours);
    this.#scene.add(this.#frustums.lines);
    this.show(this.#shown);
    this.#mark();
  }

  show(shown: boolean): void {
    this.#shown = shown;
    if (this.#frustums) this.#frustums.lines.visible = shown;
  }

  /** The one whose pyramid is under a point of the canvas; none while they are not shown. */
  at(camera: Camera, canvas: Size, x: number, y: number): number | null {
    return this.#frustums?.at(camera, canvas, x, y) ?? null;
  }

  get standing(): number | null {
    return this.#standing;
  }

  stand(index: number | null): void {
    this.#standing = index;
    this.#mark();
  }

  /** Whether that is news. */
  hover(index: number | null): boolean {
    if (index === this.#hovered) return false;
    this.#hovered = index;
    this.#mark();
    return true;
  }

  /** The one that is drawn as chosen. */
  get marked(): number | null {
    return this.#hovered ?? this.#standing;
  }

  paint(plain: string, marked: string): void {
    this.#colours = [plain, marked];
    this.#frustums?.paint(plain, marked);
  }

  render(renderer: WebGLRenderer, camera: PerspectiveCamera): void {
    if (this.#shown && this.#frustums) renderer.render(this.#scene, camera);
  }

  dispose(): void {
    this.#frustums?.dispose();
    this.#frustums = null;
    this.#scene.clear();
  }

  #mark(): void {
    this.#frustums?.mark(this.marked);
  }
}
