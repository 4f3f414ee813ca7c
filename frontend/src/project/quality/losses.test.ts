import { expect, test } from "vitest";

import type { TrainingLosses } from "@/api/connection";

import { lossChart, lossOf, lossSummary } from "./losses";

const of = (version: number, iterations: number[], losses: number[]) => ({ version, iterations, losses, every: 10, definition: "L1" }) as TrainingLosses;
const all = [of(1, [30, 40], [0.09, 0.08]), of(0, [10, 20], [0.2, 0.1])];

test("versions share an axis on which a child goes on from its parent", () => {
  expect(lossChart(all)).toEqual({
    iterations: [10, 20, 30, 40],
    lines: [
      { version: 0, values: [0.2, 0.1, null, null] },
      { version: 1, values: [null, null, 0.09, 0.08] },
    ],
  });
});

test("a chart is told in words too", () => {
  expect(lossSummary(all)).toBe("Training loss: version 0 from 0.200 to 0.100 at iteration 20, version 1 from 0.0900 to 0.0800 at iteration 40");
  expect(lossOf(undefined)).toBe("–");
});
