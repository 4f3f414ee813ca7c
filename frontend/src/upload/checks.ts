import { bytes } from "@/ui/format";

import { isLeftOver, kindOf, type Kind } from "./kinds";

/** A file as it was chosen; `path`: below the folder that was dropped. */
export interface Chosen {
  file: File;
  path: string;
}

export interface Limits {
  max_photos: number;
  max_file_bytes: number;
  max_upload_bytes: number;
}

export interface Checked {
  taken: (Chosen & { kind: Kind })[];
  refused: { path: string; reason: string }[];
  /** Hidden files and the like, which nobody wants to hear about one by one. */
  leftOut: number;
  twice: number;
}

/** What the server would refuse is said here, before a byte is sent. `known`: what is chosen already. */
export function check(chosen: readonly Chosen[], known: readonly Chosen[], limits: Limits | undefined): Checked {
  const seen = new Set(known.map(identity));
  const result: Checked = { taken: [], refused: [], leftOut: 0, twice: 0 };
  for (const one of chosen) {
    if (isLeftOver(one.path)) {
      result.leftOut++;
      continue;
    }
    if (seen.has(identity(one))) {
      result.twice++;
      continue;
    }
    seen.add(identity(one));
    const kind = kindOf(one.path);
    const reason = kind ? sizeReason(one.file.size, limits) : "Neither a photo, a video, a ZIP, a mask nor cameras.";
    if (kind && !reason) result.taken.push({ ...one, kind });
    else result.refused.push({ path: one.path, reason: reason ?? "" });
  }
  return result;
}

function sizeReason(size: number, limits: Limits | undefined): string | null {
  if (size === 0) return "The file is empty.";
  const most = limits && Math.min(limits.max_file_bytes, limits.max_upload_bytes);
  if (most && size > most) return `${bytes(size)}: this server takes files up to ${bytes(most)}.`;
  return null;
}

function identity({ file, path }: Chosen): string {
  return `${path}\n${file.size}\n${file.lastModified}`;
}

/** Something about all files together that stands in the way, or null. */
export function tooMany(photos: number, already: number, limits: Limits | undefined): string | null {
  if (!limits || photos + already <= limits.max_photos) return null;
  const room = Math.max(limits.max_photos - already, 0);
  return `A project holds ${limits.max_photos} photos${already ? ` and this one has ${already}` : ""}: ${photos - room} of these ${photos} will not be taken in. Leave some out.`;
}
