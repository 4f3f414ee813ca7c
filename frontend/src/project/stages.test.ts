import { expect, test } from "vitest";

import type { Event, Run } from "@/api/connection";

import { elapsed, stagesOf } from "./stages";

const run = (news: Partial<Run>) =>
  ({
    id: "r",
    step: "generate",
    status: "running",
    attempt: 1,
    stage: null,
    started_at: "2026-01-01T10:00:00Z",
    finished_at: null,
    timings: {},
    ...news,
  }) as Run;

const told = (seq: number, stage: string, at: string, attempt = 1) =>
  ({ seq, run_id: "r", type: "progress", created_at: `2026-01-01T10:00:${at}Z`, payload: { stage, attempt } }) as unknown as Event;

const named = (stages: ReturnType<typeof stagesOf>, name: string) => stages.find((stage) => stage.name === name);

test("a finished run tells what each stage took, and which ones it did without", () => {
  const stages = stagesOf(run({ status: "completed", timings: { training: 20, evaluation: 3, peak_memory_mb: 400 } }));
  expect(named(stages, "training")).toMatchObject({ state: "done", seconds: 20 });
  expect(named(stages, "mapping")).toMatchObject({ state: "skipped", seconds: null });
  expect(named(stages, "peak_memory_mb")).toBeUndefined();
});

test("a run at work is timed by when its events entered each stage, the last attempt's alone", () => {
  const events = [told(1, "features", "01", 1), told(2, "features", "10", 2), told(3, "features", "12", 2), told(4, "matching", "25", 2)];
  const stages = stagesOf(run({ attempt: 2, stage: "matching" }), events);
  expect(named(stages, "features")).toMatchObject({ state: "done", seconds: 15 });
  expect(named(stages, "matching")).toMatchObject({ state: "running", seconds: null, since: Date.parse("2026-01-01T10:00:25Z") });
  expect(named(stages, "training")).toMatchObject({ state: "waiting", seconds: null });
});

test("a failed run stopped at its stage", () => {
  const stages = stagesOf(run({ status: "failed", stage: "mapping", timings: { features: 2, matching: 1 } }));
  expect(stages.map((stage) => stage.state).slice(0, 4)).toEqual(["done", "done", "failed", "waiting"]);
});

test("stages that we have no words for are shown all the same", () => {
  expect(named(stagesOf(run({ status: "completed", timings: { new_stage: 4 } })), "new_stage")).toMatchObject({ label: "New stage", seconds: 4 });
});

test("time passes for a run until it has ended", () => {
  const at = Date.parse("2026-01-01T10:01:00Z");
  expect(elapsed(run({}), at)).toBe(60);
  expect(elapsed(run({ finished_at: "2026-01-01T10:00:07Z" }), at)).toBe(7);
  expect(elapsed(run({ started_at: null }), at)).toBeNull();
});
