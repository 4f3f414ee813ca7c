/** Keys held down as a speed: WASD and QE fly, arrows turn. Other keys are the page's. */

const FLY: Record<string, readonly [number, number, number]> = {
  KeyW: [0, 0, 1], KeyS: [0, 0, -1], KeyA: [-1, 0, 0], KeyD: [1, 0, 0], KeyE: [0, 1, 0], KeyQ: [0, -1, 0],
};
const TURN: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};
const FASTER = 4;

export class Keys {
  #held = new Set<string>();
  #faster = false;

  /** Whether the key is one of ours. Physical keys, so that WASD lies where it should on every keyboard. */
  press(event: Pick<KeyboardEvent, "code" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">): boolean {
    this.#faster = event.shiftKey;
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.code in FLY || event.code in TURN)) return false;
    this.#held.add(event.code);
    return true;
  }

  release(event: Pick<KeyboardEvent, "code" | "shiftKey">): void {
    this.#faster = event.shiftKey;
    this.#held.delete(event.code);
  }

  /** All keys up: the focus went elsewhere, and so will their release. */
  clear(): void {
    this.#held.clear();
  }

  get any(): boolean {
    return this.#held.size > 0;
  }

  /** Right, up, forward; 1 is the usual speed. */
  get flight(): [number, number, number] {
    const pace = this.#faster ? FASTER : 1;
    return [0, 1, 2].map((axis) => pace * sum([...this.#held].map((code) => FLY[code]?.[axis] ?? 0))) as [number, number, number];
  }

  /** Right, down. */
  get turning(): [number, number] {
    return [0, 1].map((axis) => sum([...this.#held].map((code) => TURN[code]?.[axis] ?? 0))) as [number, number];
  }
}

const sum = (numbers: number[]): number => numbers.reduce((total, one) => total + one, 0);
