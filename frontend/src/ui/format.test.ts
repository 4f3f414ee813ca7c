import { expect, test } from "vitest";

import { about, age, bytes, count, duration } from "./format";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [9_949_999, "9.9 MB"],
  [9_960_000, "10 MB"],
  [999_600_000, "1.0 GB"],
  [2_048_000_000, "2.0 GB"],
])("%d bytes are %s", (given, told) => expect(bytes(given)).toBe(told));

test.each([
  [-3, "0 s"],
  [59.6, "1 min"],
  [200, "3 min 20 s"],
  [1500, "25 min"],
  [3600, "1 h"],
  [3900, "1 h 5 min"],
])("%d seconds are %s", (given, told) => expect(duration(given)).toBe(told));

test("an estimate is told without false precision", () => {
  expect([4, 47, 200, 5400].map(about)).toEqual(["a few seconds", "about 50 s", "about 3 min", "about 1.5 h"]);
});

test("ages", () => {
  const now = Date.parse("2031-01-02T12:00:00Z");
  expect(age("2031-01-02T11:59:50Z", now)).toBe("just now");
  expect(age("2031-01-02T09:30:00Z", now)).toBe("2 hours ago");
  expect(age("2031-01-01T11:00:00Z", now)).toBe("yesterday");
});

test("one photo, two photos", () => {
  expect([count(1, "photo"), count(0, "photo"), count(1200, "photo")]).toEqual(["1 photo", "0 photos", "1,200 photos"]);
});
