import { expect, test } from "vitest";

import { ApiFailure, isPassing } from "@/api/failure";

import { failureOf, Token } from "./resumable";

const way = (token: string, expires_in_s: number) => ({
  endpoint: "http://127.0.0.1:8400/storage/v1/upload/resumable/sign",
  headers: { "x-signature": token },
  metadata: {},
  chunk_bytes: 6_291_456,
  expires_in_s,
});

test("a token is renewed before it runs out, and once", async () => {
  let now = 1000;
  const given = [way("second", 7200), null];
  let asked = 0;
  const token = new Token(way("first", 7200), async () => given[asked++] ?? null, () => now);
  expect(await token.now()).toBe("first");
  now += 6500;
  expect(await token.now()).toBe("first");
  now += 100;
  expect([await token.now(), await token.now(), asked]).toEqual(["second", "second", 1]);
  // The file has come whole meanwhile: there is nothing to give any more.
  now += 7200;
  expect([await token.now(), asked]).toEqual(["second", 2]);
});

test("a token that lives for a minute is used for half of it", async () => {
  let now = 0;
  const token = new Token(way("first", 60), async () => way("second", 60), () => now);
  now = 29;
  expect(await token.now()).toBe("first");
  now = 30;
  expect(await token.now()).toBe("second");
});

const answered = (status: number, body: string) =>
  failureOf(Object.assign(new Error("tus"), { originalResponse: { getStatus: () => status, getBody: () => body } }) as never);

test("what may be tried again, and what not", () => {
  expect(isPassing(failureOf(new Error("tus: failed to upload chunk")))).toBe(true);
  for (const status of [400, 403, 404, 409, 410, 423, 500, 503]) expect(isPassing(answered(status, ""))).toBe(true);
  const refused = answered(413, "Maximum size exceeded\n");
  expect([isPassing(refused), refused.message]).toEqual([false, "Storage does not take this file: Maximum size exceeded"]);
});

test("the API's own word comes through", () => {
  const expired = new ApiFailure("incoming_expired", "Its day is over.", "Announce it again.", 410);
  expect(failureOf(expired)).toBe(expired);
  expect(failureOf(Object.assign(new Error("tus"), { causingError: expired }) as never)).toBe(expired);
});
