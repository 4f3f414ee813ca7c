import { expect, test } from "vitest";

import type { CurrentRun, Run } from "@/api/connection";

import { told } from "./outcome";
import { gain } from "./rounds";
import { asOfNow } from "./timeline";
import { told as toldChange } from "./versions/comparison";

test("a run's outcome in a sentence", () => {
  expect(told({ step: "upload", result: { images: 11, usable: 9 } })).toBe("11 photos, 9 usable.");
  expect(told({ step: "generate", result: { version: 3, psnr: 20.126 } })).toBe("Version 3, 20.13 dB on photos it has not seen.");
  expect(told({ step: "refine", result: { iterations_completed: 1, converged: true, promoted_version: null } })).toBe(
    "1 round; more rounds would gain little. The promoted version stayed as it was.",
  );
  expect(told({ step: "generate", result: {} })).toBe("");
});

test("changes too small to show are none", () => {
  expect(gain(0.0123)).toBe("+1.2 %");
  expect(gain(-0.0001)).toBe("no change");
  expect(toldChange({ a: 20, b: 19.5, difference: -0.5 }, "psnr")).toEqual({ a: "20.00 dB", b: "19.50 dB", change: "−0.50", good: false });
  expect(toldChange({ a: 0.4, b: 0.3, difference: -0.1 }, "lpips").good).toBe(true);
  expect(toldChange({ a: 20, b: 20.001, difference: 0.001 }, "psnr")).toMatchObject({ change: "±0", good: null });
});

test("what was told live goes before what was read, until the run has ended", () => {
  const run = { status: "queued", stage: null, progress_percentage: 0, message: "", started_at: null, finished_at: null, cancel_requested_at: null } as Run;
  const current = { status: "running", stage: "training", progress_percentage: 40, message: "m", started_at: "s", cancel_requested: false } as CurrentRun;
  expect(asOfNow(run, current)).toMatchObject({ status: "running", stage: "training", progress_percentage: 40, started_at: "s" });
  expect(asOfNow({ ...run, status: "completed", finished_at: "f" }, current).status).toBe("completed");
});
