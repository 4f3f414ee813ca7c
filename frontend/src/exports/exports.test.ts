import { expect, test } from "vitest";

import type { FormatShape } from "@/api/connection";

import { lossWords } from "./loss";
import { applies, AS_USUAL, optionWords, parametersOf, problemsOf, wantedFor } from "./options";
import { grouped } from "./uses";

const format = (name: string, kind: string, more: Partial<FormatShape> = {}) =>
  ({ name, kind, optimizations: [], lossless: false, ...more }) as FormatShape;
const PLY = format("ply", "gaussians", { optimizations: ["prune"], lossless: true });
const GLB = format("glb", "mesh", { optimizations: ["decimate"] });
const COLMAP = format("colmap", "cameras");
const BUNDLE = format("bundle", "project", { lossless: true });

test("formats stand by what people want them for, also those that this page does not know", () => {
  const groups = grouped([PLY, BUNDLE, format("usdz", "mesh"), format("stl", "mesh"), format("new", "gaussians"), COLMAP, GLB]);
  expect(groups.map(({ use, formats }) => [use, formats.map(({ name }) => name)])).toEqual([
    ["view", ["usdz"]],
    ["edit", ["ply", "glb"]],
    ["web", ["new"]],
    ["print", ["stl"]],
    ["cameras", ["colmap"]],
    ["project", ["bundle"]],
  ]);
});

test("only options that a format knows are sent", () => {
  const all = { ...AS_USUAL, preset: "quality", optimize: true, filterFloaters: true, upAxis: "z", scale: "0,5", origin: "ground", cropped: true, light: true } as const;
  expect(parametersOf(all, PLY)).toEqual({
    format: "ply", version: null, optimize: true, filter_floaters: true, up_axis: "z", scale: 0.5, origin: "ground", crop: [-1, -1, -1, 1, 1, 1],
  });
  expect(parametersOf(all, GLB)).toMatchObject({ preset: "quality", optimize: true });
  expect(parametersOf(all, COLMAP)).not.toHaveProperty("filter_floaters");
  expect(parametersOf(all, BUNDLE)).toEqual({ format: "bundle", version: null, light: true });
  expect(applies(format("pointcloud.ply", "points")).optimize).toBe(false);
});

test("what was typed wrong is said before it is sent", () => {
  expect(problemsOf({ ...AS_USUAL, scale: "0" }, PLY).scale).toBeTruthy();
  expect(problemsOf({ ...AS_USUAL, scale: "" }, PLY).scale).toBeTruthy();
  expect(problemsOf({ ...AS_USUAL, scale: "x" }, BUNDLE)).toEqual({});
  const crop = ["0", "0", "2", "1", "1", "1"];
  expect(problemsOf({ ...AS_USUAL, crop }, PLY)).toEqual({});
  expect(problemsOf({ ...AS_USUAL, cropped: true, crop }, PLY).crop).toMatch("above");
  expect(problemsOf({ ...AS_USUAL, cropped: true, crop: ["", ...crop.slice(1)] }, PLY).crop).toBe("Six numbers.");
});

test("a file that is gone is made again as it was", () => {
  const options = { optimize: true, up_axis: "z", scale: 2, origin: "center", crop: [0, 0, 0, 1, 1, 1], preset: null, filter_floaters: false, light: false };
  expect(parametersOf(wantedFor(3, options), PLY)).toEqual({ format: "ply", version: 3, optimize: true, up_axis: "z", scale: 2, origin: "center", crop: [0, 0, 0, 1, 1, 1] });
  expect(optionWords(options)).toEqual(["made smaller", "z up", "scaled by 2", "middle at 0", "cropped"]);
  expect(optionWords({ up_axis: "auto", scale: 1, origin: "captured" })).toEqual([]);
});

test.each([
  [{ loss_psnr_db: 0.204, split: "held_out", views: 4 }, PLY, "0.20 dB less than the model", "Measured on 4 held-out photos"],
  [{ loss_psnr_db: -0.03, split: "training", views: 1 }, GLB, "0.03 dB more than the full mesh", "Measured on 1 photo that the model was trained on"],
  [{ loss_psnr_db: 0.001, split: "held_out", views: 1 }, PLY, "As good as the model", "Measured on 1 held-out photo"],
])("a measured loss says what was measured: %j", (measured_loss, of, says, how) => {
  expect(lossWords({ measured_loss, details: {}, options: {} }, of)).toEqual({ says, how });
});

test("lossless and not measured are told apart, with the reason", () => {
  const file = { measured_loss: null, details: {}, options: {} };
  expect(lossWords(file, PLY).says).toBe("Lossless");
  expect(lossWords(file, BUNDLE).says).toBe("Lossless");
  expect(lossWords({ ...file, options: { optimize: true } }, PLY).says).toBe("Loss not measured");
  expect(lossWords({ ...file, details: { loss_not_measured: "the photos are gone" } }, GLB)).toEqual({ says: "Loss not measured", how: "The photos are gone" });
  expect(lossWords(file, COLMAP).how).toBe("Cameras cannot be compared with photos");
});
