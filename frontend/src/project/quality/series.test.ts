import { expect, test } from "vitest";

import type { Metric } from "@/api/connection";

import { meanCharts, rangeOf, termsOf, valueOf, versionsOf, viewCharts } from "./series";

const metric = (version: number, split: Metric["split"], view_index: number | null, psnr: number) =>
  ({ version, split, view_index, psnr, ssim: 0.5, lpips: null, depth_consistency: null }) as Metric;

const metrics = [
  metric(2, "held_out", null, 22),
  metric(0, "held_out", null, 20),
  metric(0, "training", null, 25),
  metric(0, "held_out", 4, 19),
  metric(2, "held_out", 4, 23),
  metric(2, "held_out", 1, 21),
];

test("held-out and training numbers stay apart, and what was not measured stays empty", () => {
  const [psnr] = meanCharts(metrics);
  expect(versionsOf(metrics)).toEqual([0, 2]);
  expect(psnr?.series).toEqual([
    { name: "Held out", values: [20, 22] },
    { name: "Training", values: [25, null] },
  ]);
  expect(termsOf(metrics)).toEqual(["psnr", "ssim"]);
});

test("each view has a chart, and all share a scale", () => {
  const charts = viewCharts(metrics, "held_out", "psnr", (index) => `view ${index}`);
  expect(charts.map(({ title, series }) => [title, series[0]?.values])).toEqual([
    ["view 1", [null, 21]],
    ["view 4", [19, 23]],
  ]);
  const [low, high] = rangeOf(charts);
  expect(low).toBeCloseTo(18.4);
  expect(high).toBeCloseTo(23.6);
  expect(rangeOf([])).toEqual([0, 1]);
});

test("numbers carry their unit, and none is a dash", () => {
  expect(valueOf(20.126, "psnr")).toBe("20.13 dB");
  expect(valueOf(null, "ssim")).toBe("–");
});
