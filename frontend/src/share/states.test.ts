import { expect, test } from "vitest";

import { ApiFailure } from "@/api/failure";

import { expiryOf, frameOf, isBare, whyNothing } from "./states";

test("each end of a link is told apart", () => {
  const titles = ["share_not_found", "share_revoked", "share_expired", "unreachable", "database_unavailable"].map(
    (code) => whyNothing(new ApiFailure(code, "m", "s", 410)).title,
  );
  expect(new Set(titles).size).toBe(5);
  expect(whyNothing(new ApiFailure("share_revoked", "m", "s", 410)).retry).toBe(false);
  expect(whyNothing(new TypeError("x")).retry).toBe(true);
});

test.each([
  ["noui", true],
  ["noui=1", true],
  ["noui=0", false],
  ["", false],
])("?%s leaves the model alone: %s", (query, bare) => expect(isBare(new URLSearchParams(query))).toBe(bare));

test("a link that lasts a week ends in a week, with its time zone", () => {
  expect(expiryOf("week", Date.parse("2031-01-01T00:00:00Z"))).toBe("2031-01-08T00:00:00.000Z");
  expect(expiryOf("ever")).toBeNull();
});

test("a title cannot break out of the frame's markup", () => {
  expect(frameOf("https://a.example/v/k", `"><script>`)).toContain(`title="&quot;>&lt;script>"`);
});
