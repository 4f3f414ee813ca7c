import { expect, test } from "vitest";

import { halves, inBatches, isLarge, MOST_BYTES, MOST_FILES, type Sendable } from "./batches";
import { kindOf } from "./kinds";
import { SIDES } from "./six-views";

const item = (path: string, size = 1000): Sendable => ({ id: path, path, size, kind: kindOf(path) ?? "photo" });
let counted = 0;
const batched = (...items: Sendable[]) => inBatches(items, () => `k${++counted}`);
const ids = (...items: Sendable[]) => batched(...items).map((batch) => batch.parts.map((part) => part.id));

test("200 photos go in small requests, in the order of their names, each once", () => {
  const photos = Array.from({ length: 200 }, (_, index) => item(`IMG_${200 - index}.jpg`));
  const sent = ids(...photos);
  expect(sent.flat()).toEqual(Array.from({ length: 200 }, (_, index) => `IMG_${index + 1}.jpg`));
  expect(Math.max(...sent.map((batch) => batch.length))).toBe(MOST_FILES);
  expect(new Set(batched(...photos).map((batch) => batch.key)).size).toBe(10);
});

test("large photos go in fewer at a time, one that is larger than that alone", () => {
  const half = MOST_BYTES / 2;
  expect(ids(item("a.jpg", half), item("b.jpg", half), item("c.jpg", 1), item("d.jpg", 3 * half))).toEqual([
    ["a.jpg", "b.jpg"],
    ["c.jpg"],
    ["d.jpg"],
  ]);
});

test("a mask goes with its photo, cameras go with the first photos, videos and archives alone", () => {
  const photos = Array.from({ length: MOST_FILES + 1 }, (_, index) => item(`p${index}.jpg`));
  const sent = ids(item("clip.mp4"), ...photos, item(`p${MOST_FILES - 1}.jpg.mask.png`), item("transforms.json"), item("more.zip"));
  expect(sent[0]).toContain("transforms.json");
  expect(sent.find((batch) => batch.includes(`p${MOST_FILES - 1}.jpg`))).toContain(`p${MOST_FILES - 1}.jpg.mask.png`);
  expect(sent.slice(-2)).toEqual([["clip.mp4"], ["more.zip"]]);
});

test("six views with depth are one request in their own fields", () => {
  const views = SIDES.map((side) => item(`set/multi_views/${side}.png`));
  const depths = SIDES.map((side) => item(`set/depth_renders/${side}.png`));
  const [only, ...rest] = batched(...depths, ...views);
  expect(rest).toEqual([]);
  expect(only?.parts.filter((part) => part.field === "views").map((part) => part.id)).toEqual(views.map((one) => one.id));
  expect(only?.parts.filter((part) => part.field === "depth_renders")).toHaveLength(6);
});

test("eleven of the twelve are photos like others", () => {
  const some = SIDES.flatMap((side) => [item(`v/${side}.png`), item(`depth/${side}.png`)]).slice(1);
  expect(batched(...some).every((batch) => batch.parts.every((part) => part.field === "file"))).toBe(true);
});

test("a refused request goes again as two others, until the file to blame is alone", () => {
  const [batch] = batched(item("a.jpg"), item("b.jpg"), item("c.jpg"));
  if (!batch) throw new Error("no batch");
  const [first, second] = halves(batch);
  expect([first, second].map((half) => half?.parts.map((part) => part.id))).toEqual([["a.jpg", "b.jpg"], ["c.jpg"]]);
  expect(new Set([batch.key, first?.key, second?.key]).size).toBe(3);
});

test("videos and archives that a broken line should not send back to their beginning", () => {
  const sized = (kind: "video" | "archive" | "photo", size: number) => isLarge({ kind, size });
  expect([sized("video", 24_000_001), sized("archive", 500_000_000)]).toEqual([true, true]);
  expect([sized("video", 24_000_000), sized("photo", 90_000_000)]).toEqual([false, false]);
});
