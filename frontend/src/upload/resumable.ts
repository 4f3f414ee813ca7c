import { Upload, type DetailedError, type HttpRequest } from "tus-js-client";

import { announceIncoming, forgetIncoming, readIncoming, type IncomingFile } from "@/api/connection";
import { ApiFailure } from "@/api/failure";

/** A line that is dead without saying so: nothing has moved for so long. The last chunk is also made an object. */
const SILENCE_MS = 120_000;
/** A token is renewed when so little of its time is left. */
const MARGIN_S = 600;

export interface Bringing {
  projectId: string;
  /** The announcement's Idempotency-Key: the same file is gone on with, also after a reload. */
  key: string;
  file: File;
  signal: AbortSignal;
  onProgress: (sent: number) => void;
  /** Bytes that storage has for good; whatever happens, they are not sent again. */
  onKept: (kept: number) => void;
}

/** Send a file to storage by resumable upload, from where an earlier try was cut off. Gives the id to take it in by. */
export async function bring({ projectId, key, file, signal, onProgress, onKept }: Bringing): Promise<string> {
  const body = { name: file.name, bytes: file.size };
  const incoming = await announceIncoming({ path: { project_id: projectId }, body, headers: { "Idempotency-Key": key }, signal });
  const path = { project_id: projectId, incoming_id: incoming.id };
  if (incoming.upload) await carry(incoming, { path, file, signal, onProgress, onKept });
  onKept(file.size);
  return incoming.id;
}

type Carrying = Pick<Bringing, "file" | "signal" | "onProgress" | "onKept"> & {
  path: { project_id: string; incoming_id: string };
};

async function carry(incoming: IncomingFile, { path, file, signal, onProgress, onKept }: Carrying): Promise<void> {
  const { upload: way } = incoming;
  if (!way) return;
  const token = new Token(way, async () => (await readIncoming({ path })).upload);
  let watch: ReturnType<typeof setTimeout> | undefined;
  await new Promise<void>((done, fail) => {
    const upload = new Upload(file, {
      endpoint: way.endpoint,
      metadata: way.metadata,
      chunkSize: way.chunk_bytes,
      // What is on its way is known by the file's id. The browser's storage keeps the upload's address, never a token.
      fingerprint: async () => `maquette-${incoming.id}`,
      removeFingerprintOnSuccess: true,
      // Whoever called tries again, and says so to the person who waits.
      retryDelays: null,
      onBeforeRequest: async (request: HttpRequest) => request.setHeader("x-signature", await token.now()),
      onAfterResponse: (request, response) => {
        if (request.getMethod() === "HEAD" && response.getStatus() < 300) onKept(Number(response.getHeader("Upload-Offset")));
      },
      onProgress: (sent) => {
        listen();
        onProgress(sent);
      },
      onChunkComplete: (_, accepted) => onKept(accepted),
      onSuccess: () => done(),
      onError: (error) => fail(failureOf(error)),
    });
    const listen = () => {
      clearTimeout(watch);
      watch = setTimeout(() => {
        void upload.abort();
        fail(broken());
      }, SILENCE_MS);
    };
    signal.addEventListener("abort", () => {
      // Given up: neither storage nor the server has to keep a place for it.
      void upload
        .abort(true)
        .catch(() => {})
        .then(() => forgetIncoming({ path }))
        .catch(() => {});
      fail(new ApiFailure("stopped", "The upload was stopped.", "Start it again.", 0));
    });
    listen();
    void upload.findPreviousUploads().then(([previous]) => {
      if (signal.aborted) return;
      if (previous) upload.resumeFromPreviousUpload(previous);
      upload.start();
    }, fail);
  }).finally(() => clearTimeout(watch));
}

type Way = NonNullable<IncomingFile["upload"]>;

/** The right to send one object, renewed in time. The clock is this page's own: others may be wrong. */
export class Token {
  private until: number;

  constructor(
    private way: Way,
    private renew: () => Promise<Way | null>,
    private seconds: () => number = () => performance.now() / 1000,
  ) {
    this.until = this.lasting(way);
  }

  async now(): Promise<string> {
    if (this.seconds() >= this.until) {
      // None is given for a file that has come whole: then storage says so.
      this.way = (await this.renew()) ?? this.way;
      this.until = this.lasting(this.way);
    }
    return this.way.headers["x-signature"] ?? "";
  }

  private lasting({ expires_in_s }: Way): number {
    return this.seconds() + Math.max(expires_in_s - MARGIN_S, expires_in_s / 2);
  }
}

const FOR_GOOD = new Set([413, 415]);

/** In our own words. All but a refusal of the file itself passes: a broken line, a token that ran out, an upload that storage forgot. */
export function failureOf(error: Error | DetailedError): ApiFailure {
  if (error instanceof ApiFailure) return error;
  // The client wraps what a hook of ours threw.
  const cause = "causingError" in error ? error.causingError : null;
  if (cause instanceof ApiFailure) return cause;
  const response = "originalResponse" in error ? error.originalResponse : null;
  const status = response?.getStatus() ?? 0;
  if (!status) return broken();
  const said = response?.getBody().trim().slice(0, 200) ?? "";
  if (FOR_GOOD.has(status)) {
    return new ApiFailure("storage_refused", `Storage does not take this file: ${said}`, "Use a smaller file.", status);
  }
  return new ApiFailure("storage_refused", `Storage answered ${status}: ${said}`, "Try again.", 0);
}

function broken(): ApiFailure {
  return new ApiFailure("unreachable", "The line broke.", "Check that this device is online; then try again.", 0);
}
