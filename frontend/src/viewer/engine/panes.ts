/** What is drawn: one version, or two with a line between them and one camera for both. */

import type { PerspectiveCamera, WebGLRenderer } from "three";

import type { Size } from "./lens";
import { Stage } from "./stage";

export class Panes {
  readonly main: Stage;
  /** The share of the width that the main version has. */
  split = 0.5;
  readonly #renderer: WebGLRenderer;
  readonly #onDirty: () => void;
  #other: Stage | null = null;

  constructor(renderer: WebGLRenderer, onDirty: () => void) {
    this.#renderer = renderer;
    this.#onDirty = onDirty;
    this.main = new Stage(renderer, onDirty);
  }

  /** Put another version beside the main one once `load` has filled it; null: none. */
  async compare(load: ((stage: Stage) => Promise<unknown>) | null): Promise<void> {
    const before = this.#other;
    this.#other = null;
    this.#onDirty();
    await before?.dispose();
    if (!load) return;
    const stage = new Stage(this.#renderer, this.#onDirty);
    try {
      await load(stage);
    } catch (error) {
      await stage.dispose();
      throw error;
    }
    this.#other = stage;
    this.#onDirty();
  }

  get settled(): boolean {
    return this.main.settled && (this.#other?.settled ?? true);
  }

  render(camera: PerspectiveCamera, { width, height }: Size): void {
    const renderer = this.#renderer;
    renderer.setScissorTest(false);
    renderer.clear();
    if (!this.#other) return this.main.render(renderer, camera);
    renderer.setScissorTest(true);
    renderer.setScissor(0, 0, width * this.split, height);
    this.main.render(renderer, camera);
    renderer.setScissor(width * this.split, 0, width * (1 - this.split), height);
    this.#other.render(renderer, camera);
    renderer.setScissorTest(false);
  }

  async dispose(): Promise<void> {
    await Promise.all([this.main.dispose(), this.#other?.dispose()]);
    this.#other = null;
  }
}
