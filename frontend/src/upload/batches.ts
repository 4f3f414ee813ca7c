import type { Kind } from "./kinds";
import { sixViewsAmong } from "./six-views";

export type Field = "file" | "views" | "depth_renders";

export interface Sendable {
  id: string;
  path: string;
  size: number;
  kind: Kind;
}

export interface Batch {
  /** The request's Idempotency-Key: whatever the line does, the server takes these files in once. */
  key: string;
  parts: { id: string; field: Field }[];
}

export const MOST_FILES = 20;
export const MOST_BYTES = 48_000_000;
const LARGE_BYTES = 24_000_000;

/** Whether a broken line should not send it back to its beginning: photos are small, and go many at a time. */
export function isLarge({ kind, size }: Pick<Sendable, "kind" | "size">): boolean {
  return size > LARGE_BYTES && (kind === "video" || kind === "archive");
}

/**
 * The requests in which files go: small, so that a lost line repeats little and verdicts come early. A mask goes with
 * its photo, cameras with the first photos, a video or archive alone, six views with their depth in one.
 */
export function inBatches(items: readonly Sendable[], newKey: () => string): Batch[] {
  const six = sixViewsAmong(items.filter((item) => item.kind === "photo"));
  if (six) {
    const part = (field: Field) => (item: Sendable) => ({ id: item.id, field });
    return [{ key: newKey(), parts: [...six.views.map(part("views")), ...six.depthRenders.map(part("depth_renders"))] }];
  }
  const alone = items.filter((item) => item.kind === "video" || item.kind === "archive");
  const cameras = items.filter((item) => item.kind === "cameras");
  const batches: Sendable[][] = [];
  let batch: Sendable[] = [...cameras];
  for (const group of byPhoto(items)) {
    const full = batch.length - (batches.length ? 0 : cameras.length) >= MOST_FILES;
    if (batch.length && (full || weight(batch) + weight(group) > MOST_BYTES)) {
      batches.push(batch);
      batch = [];
    }
    batch.push(...group);
  }
  if (batch.length) batches.push(batch);
  batches.push(...alone.map((item) => [item]));
  return batches.map((some) => ({ key: newKey(), parts: some.map((item) => ({ id: item.id, field: "file" })) }));
}

/** A request that was refused, as two. */
export function halves({ key, parts }: Batch): Batch[] {
  const middle = Math.ceil(parts.length / 2);
  return [
    { key: `${key}-1`, parts: parts.slice(0, middle) },
    { key: `${key}-2`, parts: parts.slice(middle) },
  ];
}

/** Photos in the order of their names, each with its mask: a.mask.png and a.jpg.mask.png belong to a.jpg. */
function byPhoto(items: readonly Sendable[]): Sendable[][] {
  const groups = new Map<string, Sendable[]>();
  const pictures = items.filter((item) => item.kind === "photo" || item.kind === "mask");
  for (const item of pictures.toSorted((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }))) {
    const subject = subjectOf(item);
    groups.set(subject, [...(groups.get(subject) ?? []), item]);
  }
  return [...groups.values()];
}

function subjectOf({ path, kind }: Sendable): string {
  const name = kind === "mask" ? path.replace(/\.mask\.png$/i, "") : path;
  return name.replace(/\.(jpe?g|png|webp|tiff?|heic|heif)$/i, "").toLowerCase();
}

function weight(items: readonly Sendable[]): number {
  return items.reduce((sum, item) => sum + item.size, 0);
}
