import { expect, test } from "vitest";

import type { Model } from "@/api/connection";

import { originOf, rowsOf } from "./tree";

const model = (version: number, parent_version: number | null = null) => ({ version, parent_version }) as Model;
const drawn = (models: Model[]) => rowsOf(models).map(({ model: { version }, depth, follows }) => [version, depth, follows]);

test("a line of refines goes straight down", () => {
  expect(drawn([model(2, 1), model(0), model(1, 0)])).toEqual([
    [0, 0, false],
    [1, 0, true],
    [2, 0, true],
  ]);
});

test("the line is drawn from each version to the one made of it", () => {
  expect(rowsOf([model(0), model(1, 0), model(2)]).map((row) => row.leads)).toEqual([false, true, false]);
});

test("a branch steps in, before the line goes on; newer trees come first", () => {
  expect(drawn([model(0), model(1, 0), model(2, 1), model(3, 0), model(4, 3), model(5)])).toEqual([
    [5, 0, false],
    [0, 0, false],
    [3, 1, false],
    [4, 1, true],
    [1, 0, false],
    [2, 0, true],
  ]);
});

test("a version whose parent is gone begins a tree of its own", () => {
  expect(drawn([model(3, 2), model(4, 3)])).toEqual([
    [3, 0, false],
    [4, 0, true],
  ]);
});

test("another engine than ours is named", () => {
  const made = (name?: string) => ({ method: "generate", details: name ? { engine: { name } } : {} }) as unknown as Model;
  expect(originOf(made("3dgs"))).toBe("From the photos by 3dgs");
  expect([originOf(made()), originOf(made("maquette"))]).toEqual(["From the photos", "From the photos"]);
});
