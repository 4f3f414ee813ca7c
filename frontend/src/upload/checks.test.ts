import { expect, test } from "vitest";

import { check, tooMany, type Chosen } from "./checks";
import { kindOf } from "./kinds";

const limits = { max_photos: 10, max_file_bytes: 1000, max_upload_bytes: 2000 };

function chosen(path: string, size = 10): Chosen {
  return { path, file: { name: path, size, lastModified: 1 } as File };
}

test.each([
  ["IMG_1.HEIC", "photo"],
  ["a.jpg.mask.png", "mask"],
  ["clip.MOV", "video"],
  ["sparse/0/points3D.bin", "cameras"],
  ["dinoSR_par.txt", "cameras"],
  ["notes.txt", null],
  ["README", null],
])("%s is %s", (path, kind) => expect(kindOf(path)).toBe(kind));

test("what the server would refuse is refused here, with the reason", () => {
  const { taken, refused } = check([chosen("a.jpg"), chosen("b.jpg", 1001), chosen("c.jpg", 0), chosen("d.pdf")], [], limits);
  expect(taken.map((one) => one.path)).toEqual(["a.jpg"]);
  expect(refused.map((one) => one.path)).toEqual(["b.jpg", "c.jpg", "d.pdf"]);
  expect(refused[0]?.reason).toContain("1.0 kB");
});

test("a photo chosen twice, hidden files and small copies go without a word each", () => {
  const known = [chosen("a.jpg")];
  const found = check([chosen("a.jpg"), chosen("x/.DS_Store"), chosen("x/images_4/a.jpg"), chosen("x/a.jpg")], known, limits);
  expect([found.taken.length, found.twice, found.leftOut]).toEqual([1, 1, 2]);
});

test("more photos than a project holds", () => {
  expect(tooMany(10, 0, limits)).toBeNull();
  expect(tooMany(8, 5, limits)).toContain("3 of these 8");
});
