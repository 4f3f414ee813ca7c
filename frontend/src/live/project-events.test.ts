import { expect, test } from "vitest";

import type { Event, Status } from "@/api/connection";

import { inOrder, touchedBy, withRun } from "./project-events";

const event = (seq: number) => ({ seq, type: "progress", payload: {} }) as Event;
const status = (current: object | null) => ({ current_run: current, event_seq: 4 }) as Status;
const row = { id: "r1", step: "generate", status: "running", stage: "training", progress_percentage: 40, message: "" };

test("what came already is left out, what is missing is noticed", () => {
  expect(inOrder(4, [event(6), event(3), event(5)])).toEqual({ next: [event(5), event(6)], missing: false });
  expect(inOrder(4, [event(7), event(5)])).toEqual({ next: [event(5)], missing: true });
  expect(inOrder(4, [event(4)])).toEqual({ next: [], missing: false });
});

test("progress moves without the server being asked", () => {
  const moved = withRun(status({ run_id: "r1", status: "running", progress_percentage: 12, eta_s: 90 }), row);
  expect(moved?.current_run).toMatchObject({ progress_percentage: 40, stage: "training", eta_s: 90, queue_position: 0 });
});

test("a run that begins shows by its row alone", () => {
  const begun = withRun(status(null), { ...row, status: "queued", queued_at: "2031-01-01T00:00:00Z", started_at: null });
  expect(begun?.current_run).toMatchObject({ run_id: "r1", status: "queued", queue_position: null });
});

test("what a row cannot tell is asked for", () => {
  expect(withRun(status({ run_id: "r0", status: "running" }), row)).toBeNull();
  expect(withRun(status({ run_id: "r1", status: "running" }), { ...row, status: "completed" })).toBeNull();
  expect(withRun(status(null), row)).toBeNull();
});

test("the end of a run touches everything, a step of it nothing that has to be read", () => {
  expect(touchedBy({ type: "complete", payload: {} })).toBe("everything");
  expect(touchedBy({ type: "progress", payload: { status: "running" } })).toEqual([]);
  expect(touchedBy({ type: "progress", payload: { status: "queued" } })).toContain("runs");
  expect(touchedBy({ type: "preview", payload: { run_id: "r1" } })).toEqual(["preview"]);
});
