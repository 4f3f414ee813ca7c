import { expect, test } from "vitest";

import { numberOf } from "./place";

test("only a count is a version", () => {
  expect(numberOf("12")).toBe(12);
  for (const text of [null, "", "-1", "1.5", "1e3", "v1"]) expect(numberOf(text)).toBeNull();
});
