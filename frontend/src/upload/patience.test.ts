import { expect, test } from "vitest";

import { asFailure } from "@/api/failure";

import { askedMs } from "./patience";

const refusal = (code: string, details: object) =>
  asFailure({ error: { code, message: "", details } }, new Response(null, { status: 429 }));

test("a server that has had too many uploads says when there is room", () => {
  expect(askedMs(refusal("rate_limited", { retry_after_s: 17 }))).toBe(17_000);
});

test("other failures wait as long as ever", () => {
  expect(askedMs(refusal("rate_limited", {}))).toBeNull();
  expect(askedMs(refusal("too_many_runs", { retry_after_s: 17 }))).toBeNull();
});
