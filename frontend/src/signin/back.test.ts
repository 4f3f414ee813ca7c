import { expect, test } from "vitest";

import { backOf } from "./back";

test.each([
  ["/projects/7", "/projects/7"],
  ["https://evil.example", "/"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["javascript:alert(1)", "/"],
  ["/sign-in", "/"],
])("after signing in, %s leads to %s", (given, leads) => expect(backOf(new URLSearchParams({ back: given }))).toBe(leads));

test("without an address it leads home", () => expect(backOf(new URLSearchParams())).toBe("/"));
