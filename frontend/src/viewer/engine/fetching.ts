/** A whole file as bytes, told while it comes and stopped when nobody waits for it any more. */

import { outOfMemory, refused, unreadable, ViewerError } from "../problems";

export interface Loaded {
  bytes: number;
  /** Null where the server does not say it. */
  total: number | null;
}

/** Raises ViewerError, or the signal's AbortError. */
export async function fetchBytes(
  url: string,
  what: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (loaded: Loaded) => void },
): Promise<Uint8Array<ArrayBuffer>> {
  let answer: Response;
  try {
    answer = await fetch(url, { signal });
  } catch (error) {
    throw lost(error, what, signal);
  }
  if (!answer.ok) throw refused(answer.status, what);
  // A single-page server answers a missing file with its page.
  if (answer.headers.get("content-type")?.startsWith("text/html")) throw unreadable(what, "the server sent a web page instead");
  const total = sizeOf(answer.headers);
  onProgress({ bytes: 0, total });
  try {
    return await collected(answer, total, onProgress);
  } catch (error) {
    throw lost(error, what, signal);
  }
}

/** The length of what is read, not of what is sent: a compressed answer's length tells nothing. */
export function sizeOf(headers: Headers): number | null {
  const length = Number(headers.get("content-length"));
  return !headers.get("content-encoding") && Number.isFinite(length) && length > 0 ? length : null;
}

/** Into one buffer where the size is known, so that a large file never lies in memory twice. */
async function collected(answer: Response, total: number | null, onProgress: (loaded: Loaded) => void): Promise<Uint8Array<ArrayBuffer>> {
  let whole = new Uint8Array(total ?? 1 << 20);
  let filled = 0;
  const reader = answer.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.length > whole.length) {
      const larger = new Uint8Array(Math.max(whole.length * 2, filled + value.length));
      larger.set(whole.subarray(0, filled));
      whole = larger;
    }
    whole.set(value, filled);
    filled += value.length;
    onProgress({ bytes: filled, total: total !== null && filled <= total ? total : null });
  }
  return filled === whole.length ? whole : whole.slice(0, filled);
}

function lost(error: unknown, what: string, signal: AbortSignal): unknown {
  if (signal.aborted || error instanceof ViewerError) return error;
  if (error instanceof RangeError) return outOfMemory(error);
  return new ViewerError("network", `The ${what} did not arrive: the connection failed.`, "Check the connection and try again.", error);
}
