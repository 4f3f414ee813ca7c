import { expect, test } from "vitest";

import type { Image } from "@/api/connection";

import { pairsOf } from "./enhanced-tab";
import { findingsOn, summary, worstFirst } from "./photos-tab";

const photo = (image_index: number, news: Partial<Image> = {}) =>
  ({ image_index, verdict: "ok", reasons: [], placed: null, placed_reason: null, ...news }) as Image;

test("what is wrong comes first", () => {
  const photos = [
    photo(0, { placed: true }),
    photo(1, { verdict: "warning", placed: true }),
    photo(2, { placed: false }),
    photo(3, { verdict: "rejected" }),
    photo(4, { placed: true }),
  ];
  expect(photos.toSorted(worstFirst).map((one) => one.image_index)).toEqual([3, 2, 1, 0, 4]);
  expect(summary(photos)).toBe("5 photos, 1 not usable, 3 in the model, 1 could not be placed.");
  expect(summary([photo(0)])).toBe("1 photo.");
});

test("a photo that could not be placed says why beside its verdict", () => {
  const reasons = [{ code: "blurred", message: "It is blurred.", suggestion: "Hold still." }];
  const found = findingsOn(photo(0, { verdict: "warning", reasons, placed: false, placed_reason: "It matches nothing." }));
  expect(found.map(({ message, wrong }) => [message, wrong])).toEqual([
    ["It is blurred.", false],
    ["It matches nothing.", true],
  ]);
});

test("a render is held against whatever there is", () => {
  expect(pairsOf({ enhanced_url: null, confidence_url: null }, { image_url: "/p" })).toEqual(["photo"]);
  expect(pairsOf({ enhanced_url: "/e", confidence_url: "/c" }, undefined)).toEqual(["enhanced", "confidence"]);
});
