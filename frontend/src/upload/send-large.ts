import type { UploadAnswer } from "@/api/connection";

import { send, type Sending } from "./send";

/** A large file: to storage first, by resumable upload, then the same request as for any file, with its id in it. */
export async function sendLarge(sending: Sending & { onKept: (kept: number) => void }): Promise<UploadAnswer> {
  const { projectId, key, files, signal, onProgress, onKept } = sending;
  const { bring } = await import("./resumable");
  const incoming = await Promise.all(files.map(({ file }) => bring({ projectId, key, file, signal, onProgress, onKept })));
  // All of it is there, also where an earlier visit had sent it: now it is looked at.
  onProgress(files.reduce((sum, { file }) => sum + file.size, 0));
  return send({ ...sending, files: [], incoming, onProgress: () => {} });
}
