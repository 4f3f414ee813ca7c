import { expect, test } from "vitest";

import type { ChosenStart, Export, View } from "@/api/connection";

import { framesOf, layerOf, spread, startOf } from "./showcase";

test("photos are chosen evenly from all around", () => {
  expect(spread([0, 1, 2, 3, 4, 5, 6, 7], 4)).toEqual([0, 2, 4, 6]);
  expect(spread([0, 1], 4)).toEqual([0, 1]);
});

test("the layer is the version's newest file that is still there", () => {
  const file = (version: number, day: number, download_url: string | null) =>
    ({ version, format: "glb", created_at: `2026-01-0${day}T00:00:00Z`, download_url, bytes: day, details: {} }) as unknown as Export;
  expect(layerOf([file(1, 1, "/a"), file(1, 2, "/b"), file(1, 3, null), file(2, 4, "/c")], 1, "glb")).toMatchObject({ url: "/b", bytes: 2 });
  expect(layerOf([file(1, 1, "/a")], 1, "pointcloud.ply")).toBeNull();
});

test("cameras are those of the version's own generate", () => {
  const view = (run_id: string, name: string, replaced_at: string | null = null) =>
    ({ run_id, name, replaced_at, image_url: `/${name}`, camera: { width: 4, fx: 5 } }) as unknown as View;
  expect(framesOf([view("a", "0"), view("b", "1"), view("a", "2", "2026")], "a")).toEqual([{ width: 4, fx: 5, name: "0", imageUrl: "/0" }]);
});

test("a start camera holds in the world that it was chosen in", () => {
  const models = [
    { version: 0, view_run_id: "a" },
    { version: 1, view_run_id: "a" },
    { version: 2, view_run_id: "b" },
  ];
  const chosen = { version: 0, position: [0, 0, -3], target: [0, 0, 0], up: [0, -1, 0], fov_deg: 50 } as ChosenStart;
  expect(startOf(chosen, models[1]!, models)).toBe(chosen);
  expect(startOf(chosen, models[2]!, models)).toBeNull();
  expect(startOf({ ...chosen, version: 9 }, models[0]!, models)).toBeNull();
  expect(startOf(null, models[0]!, models)).toBeNull();
});
