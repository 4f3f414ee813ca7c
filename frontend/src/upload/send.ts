import { API_ORIGIN, type UploadAnswer } from "@/api/connection";
import { bearer } from "@/api/credentials";
import { ApiFailure, asFailure } from "@/api/failure";

import type { Field } from "./batches";

export interface Options {
  remove_bg: boolean;
  original_resolution: boolean;
  frames: number | null;
}

export interface Sending {
  projectId: string;
  key: string;
  files: { file: File; field: Field }[];
  /** Files that lie in storage already, by the ids of their announcements. */
  incoming?: string[];
  options: Options;
  signal: AbortSignal;
  /** Bytes of the files that have gone. */
  onProgress: (sent: number) => void;
}

/** One request of POST /upload. `fetch` cannot tell how much has gone, so this is an XMLHttpRequest. */
export async function send({ projectId, key, files, incoming = [], options, signal, onProgress }: Sending): Promise<UploadAnswer> {
  const form = new FormData();
  form.set("project_id", projectId);
  form.set("remove_bg", String(options.remove_bg));
  form.set("original_resolution", String(options.original_resolution));
  if (options.frames !== null) form.set("frames", String(options.frames));
  for (const { file, field } of files) form.append(field, file, file.name);
  for (const id of incoming) form.append("incoming", id);
  const token = await bearer();
  const size = files.reduce((sum, { file }) => sum + file.size, 0);

  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${API_ORIGIN}/api/v1/upload`);
    request.responseType = "json";
    request.setRequestHeader("Idempotency-Key", key);
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    // The form's own lines are counted in, but they are next to nothing.
    request.upload.onprogress = (event) => onProgress(event.total ? (size * event.loaded) / event.total : 0);
    request.onload = () => {
      if (request.status < 300) done(request.response as UploadAnswer);
      else fail(asFailure(request.response, new Response(null, { status: request.status })));
    };
    request.onerror = () => fail(asFailure(new TypeError("the line broke")));
    request.onabort = () => fail(new ApiFailure("stopped", "The upload was stopped.", "Start it again.", 0));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    if (signal.aborted) request.abort();
    else request.send(form);
  });
}
