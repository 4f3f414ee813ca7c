import { expect, test } from "vitest";

import { headOf } from "./set-verdict";

test("warns before there is a model", () => {
  expect(headOf("warning", false)[0]).toBe("Before you go on");
  expect(headOf("rejected", false)[0]).toContain("No model can be made");
  expect(headOf("ok", false)[0]).toContain("fit together");
});

test("once there is a model it speaks of the next one, whatever the verdict was", () => {
  for (const status of ["ok", "warning", "rejected"]) expect(headOf(status, true)[0]).toContain("next model");
});
