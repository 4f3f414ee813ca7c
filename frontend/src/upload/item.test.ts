import { expect, test } from "vitest";

import type { Image } from "@/api/connection";

import { fresh, lookOf, verdictsByFile } from "./item";

const image = (filename: string, verdict: Image["verdict"] = "ok", details = {}) => ({ filename, verdict, details }) as Image;

test("each file has its own verdict, also among files of one name", () => {
  const images = [image("a.jpg", "rejected"), image("b.jpg"), image("a.jpg", "warning")];
  const found = verdictsByFile(["a.jpg", "a.jpg", "b.jpg", "a.mask.png"], images);
  expect(found.map((some) => some.map((one) => one.verdict))).toEqual([["rejected"], ["warning"], ["ok"], []]);
});

test("a video has the verdicts of its frames", () => {
  const frames = [1, 2, 3].map((n) => image(`clip_${n}.png`, "ok", { video: "clip.mp4" }));
  expect(verdictsByFile(["clip.mp4"], frames)[0]).toHaveLength(3);
});

test("a tile shows the worst that still leaves something to use", () => {
  const item = { ...fresh("1", "v.mp4", "video", new File([], "v.mp4")), state: "done" as const };
  expect(lookOf({ ...item, verdicts: [image("a"), image("b", "rejected")] })).toBe("warning");
  expect(lookOf({ ...item, verdicts: [image("a", "rejected")] })).toBe("rejected");
  expect(lookOf(item)).toBe("ok");
  expect(lookOf({ ...item, state: "checking" })).toBe("checking");
});
