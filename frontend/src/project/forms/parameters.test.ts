import { expect, test } from "vitest";

import type { Rehearsal } from "@/api/connection";

import { engineParameters, offeredFor } from "./engine-field";
import { timesOf } from "./estimate";
import { parametersOf as generateParameters } from "./generate-dialog";
import { NOTHING, parametersOf as refineParameters } from "./refine-dialog";

test("what nobody said is left to the server", () => {
  const nothing = { iterations: "", max_gaussians: " ", long_side: "", seed: "", num_views: "", view_method: " " };
  expect(generateParameters("balanced", nothing)).toEqual({ preset: "balanced" });
  expect(generateParameters("fastest", { ...nothing, iterations: "200", seed: "0", view_method: " relief " })).toEqual({
    preset: "fastest",
    iterations: 200,
    seed: 0,
    view_method: "relief",
  });
  expect(refineParameters(null, NOTHING)).toEqual({});
});

test("a refine is told only what its enhancement understands", () => {
  const said = { ...NOTHING, prompt: "a frog", negative_prompt: "text", strength: "0.4", guidance: "3", views_to_refine: "0, 2-3" };
  expect(refineParameters(4, { ...said, enhancement: "none" })).toEqual({ from_version: 4, enhancement: "none", views_to_refine: [0, 2, 3] });
  expect(refineParameters(null, { ...said, enhancement: "classical" })).toEqual({ enhancement: "classical", strength: 0.4, views_to_refine: [0, 2, 3] });
  expect(refineParameters(null, { ...said, enhancement: "fixer" })).toMatchObject({ prompt: "a frog", guidance: 3 });
  expect(refineParameters(null, { ...said, enhancement: "fixer" })).not.toHaveProperty("negative_prompt");
  expect(refineParameters(null, { ...said, enhancement: "sdxl" })).toHaveProperty("negative_prompt", "text");
});

test("an estimate says what it rests on, and does not invent one", () => {
  const unknown = { seconds_p50: null, seconds_p90: null, bytes: null, peak_memory_mb: null, samples: 0, note: "" };
  const queue = { position: 1, starts_in_s: 0, waits_for: "turn", waits_note: "", name: "cpu" };
  expect(timesOf({ expected: unknown, queue } as unknown as Rehearsal)).toEqual([
    "How long it takes is not known yet: nothing like it was done here before.",
    "It is next in line.",
  ]);
  const known = { seconds_p50: 300, seconds_p90: 600, bytes: 2e6, peak_memory_mb: 1200.4, samples: 5, note: "" };
  expect(timesOf({ expected: known, queue: { ...queue, position: 3, starts_in_s: 120 } } as unknown as Rehearsal)).toEqual([
    "Takes about 5 min, nine times in ten under 10 min.",
    "2 runs before it in line; starts in about 2 min.",
    "It stores about 2.0 MB and needs up to 1,200 MB of memory.",
    "By 5 earlier runs here.",
  ]);
});

test("another program is offered where the server has it for the step, and named only where it was chosen", () => {
  const engine = { makes: "model", description: "", reason: null };
  const engines = [
    { ...engine, name: "command", steps: ["generate", "refine"], available: true },
    { ...engine, name: "3dgs", steps: ["generate"], available: false },
    { ...engine, name: "lm", steps: ["refine"], available: true },
  ];
  expect(offeredFor("generate", { engines }).map((one) => one.name)).toEqual(["command"]);
  expect(offeredFor("refine", { engines }).map((one) => one.name)).toEqual(["command", "lm"]);
  expect(offeredFor("refine", undefined)).toEqual([]);
  expect(engineParameters({ engine: "", fallback: true })).toEqual({});
  expect(engineParameters({ engine: "lm", fallback: false })).toEqual({ engine: "lm" });
  const nothing = { iterations: "", max_gaussians: "", long_side: "", seed: "", num_views: "", view_method: "" };
  expect(generateParameters("fastest", nothing, { engine: "command", fallback: true })).toEqual({
    preset: "fastest",
    engine: "command",
    engine_fallback: true,
  });
});
