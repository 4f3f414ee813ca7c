import type { Image } from "@/api/connection";

import type { Kind } from "./kinds";

export type ItemState = "waiting" | "sending" | "checking" | "done" | "failed";

/** A file on its way. */
export interface Item {
  id: string;
  path: string;
  kind: Kind;
  file: File;
  state: ItemState;
  /** Bytes that have gone. */
  sent: number;
  /** Bytes of it that need not go again, however the next try goes. */
  kept: number;
  thumbnail: string | null;
  /** The doctor's word on it; of a video or archive, on each photo in it. */
  verdicts: readonly Image[];
  problem: { code: string; message: string; suggestion: string } | null;
}

export function fresh(id: string, path: string, kind: Kind, file: File): Item {
  return { id, path, kind, file, state: "waiting", sent: 0, kept: 0, thumbnail: null, verdicts: [], problem: null };
}

export type Look = "waiting" | "sending" | "checking" | "ok" | "warning" | "rejected" | "failed";

/** What a tile shows: of several photos the worst, as long as none of them can be used. */
export function lookOf(item: Item): Look {
  if (item.state !== "done") return item.state;
  const words = item.verdicts.map((photo) => photo.verdict);
  if (words.length && words.every((word) => word === "rejected")) return "rejected";
  return words.some((word) => word !== "ok") ? "warning" : "ok";
}

/** The photos of an answer, to the files they came from: by name, and of files of one name in their order. */
export function verdictsByFile(names: readonly string[], images: readonly Image[]): Image[][] {
  const left = [...images];
  return names.map((name) => {
    const own = left.filter((image) => image.details.video === name);
    const first = own.length ? own : left.filter((image) => image.filename === name).slice(0, 1);
    for (const image of first) left.splice(left.indexOf(image), 1);
    return first;
  });
}
