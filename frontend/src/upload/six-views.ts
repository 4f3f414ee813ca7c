/** Six views of one object with their depth, each named by its side: an input of its own kind. */
export const SIDES = ["front", "back", "left", "right", "top", "bottom"] as const;

export interface Named {
  path: string;
}

export interface SixViews<T> {
  views: T[];
  depthRenders: T[];
}

/** The twelve pictures where that is what was chosen, else null: sides by name, depth by its folder or by its name. */
export function sixViewsAmong<T extends Named>(photos: readonly T[]): SixViews<T> | null {
  if (photos.length !== 2 * SIDES.length) return null;
  const depthRenders = sorted(photos.filter((photo) => /depth/i.test(photo.path)));
  const views = sorted(photos.filter((photo) => !/depth/i.test(photo.path)));
  return views && depthRenders ? { views, depthRenders } : null;
}

function sorted<T extends Named>(photos: readonly T[]): T[] | null {
  const found = SIDES.map((side) => photos.filter((photo) => sideOf(photo.path) === side));
  return found.every((one) => one.length === 1) ? found.flat() : null;
}

function sideOf(path: string): string | null {
  const words = (path.split("/").pop() ?? "").toLowerCase().split(/[^a-z]+/);
  const sides = SIDES.filter((side) => words.includes(side));
  return sides.length === 1 ? (sides[0] ?? null) : null;
}
