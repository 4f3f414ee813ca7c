import { expect, test } from "vitest";

import { Pace } from "./pace";

test("the speed of the last seconds, and what it promises", () => {
  const pace = new Pace();
  pace.add(0, 0);
  expect(pace.bytesPerSecond()).toBeNull();
  for (let second = 1; second <= 20; second++) pace.add(second * 1000, second * 1_000_000);
  expect(pace.bytesPerSecond()).toBeCloseTo(1_000_000);
  for (let second = 21; second <= 30; second++) pace.add(second * 1000, 20_000_000);
  expect(pace.bytesPerSecond()).toBe(0);
  expect(pace.secondsLeft(1)).toBeNull();
});

test("a batch that is sent again begins the measuring anew", () => {
  const pace = new Pace();
  pace.add(0, 0);
  pace.add(2000, 8000);
  pace.add(2100, 4000);
  expect(pace.bytesPerSecond()).toBeNull();
});

test("what an earlier visit sent is no speed of this one", () => {
  const pace = new Pace();
  pace.add(0, 0);
  pace.add(1000, 40_000_000);
  pace.restart();
  pace.add(1100, 40_000_000);
  pace.add(2100, 41_000_000);
  expect(pace.bytesPerSecond()).toBe(1_000_000);
});
