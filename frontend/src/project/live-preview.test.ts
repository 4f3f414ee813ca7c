import { expect, test } from "vitest";

import { sentenceOf } from "./live-preview";

test("a picture says when it was made, and of what kind of photo its number is", () => {
  const preview = { iteration: 1200, iterations: 4000, psnr: 22.456, split: "held_out" as const };
  expect(sentenceOf(preview, true)).toBe("At iteration 1,200 of 4,000, 22.46 dB against a photo that it does not learn from");
  expect(sentenceOf({ ...preview, split: "training" }, false)).toBe("It came to iteration 1,200 of 4,000, 22.46 dB against a photo that it learns from");
});
