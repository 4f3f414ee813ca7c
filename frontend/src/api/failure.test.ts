import { expect, test } from "vitest";

import { ApiFailure, asFailure, isPassing } from "./failure";

test("the API's own words are kept, with the number to find them in its log", () => {
  const body = { error: { code: "no_files", message: "The form holds no photos.", suggestion: "Send one.", details: { a: 1 } } };
  const failure = asFailure(body, new Response(null, { status: 422, headers: { "x-request-id": "r1" } }));
  expect(failure).toMatchObject({ code: "no_files", suggestion: "Send one.", status: 422, requestId: "r1", details: { a: 1 } });
  expect(isPassing(failure)).toBe(false);
});

test("a broken line is told apart from a refusal", () => {
  const failure = asFailure(new TypeError("Failed to fetch"));
  expect(failure.code).toBe("unreachable");
  expect(isPassing(failure)).toBe(true);
});

test("a proxy's page has no words of ours", () => {
  const failure = asFailure("<html>502</html>", new Response(null, { status: 502 }));
  expect(failure).toBeInstanceOf(ApiFailure);
  expect(failure.code).toBe("unexpected_answer");
  expect(isPassing(failure)).toBe(true);
});
