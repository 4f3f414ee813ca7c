/** What can go wrong while looking at a model, in words a visitor can act on. */

export type ViewerErrorCode =
  | "file_missing"
  | "file_gone"
  | "link_refused"
  | "network"
  | "server_failed"
  | "unreadable_file"
  | "no_webgl2"
  | "out_of_memory"
  | "context_lost"
  | "viewer_not_loaded";

export class ViewerError extends Error {
  readonly code: ViewerErrorCode;
  readonly suggestion: string;

  constructor(code: ViewerErrorCode, message: string, suggestion: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ViewerError";
    this.code = code;
    this.suggestion = suggestion;
  }
}

/** The sentence for an answer that is no success. `what`: "model", "mesh", "points". */
export function refused(status: number, what: string): ViewerError {
  if (status === 404)
    return new ViewerError("file_missing", `The file of the ${what} is not there (404).`, "It may have been deleted, or the link is wrong. Try again, or make the file anew.");
  if (status === 410)
    return new ViewerError("file_gone", `The file of the ${what} was removed (410).`, "Its run or version was deleted, or it was kept for a limited time. Make it anew, or choose another version.");
  // Supabase Storage answers 400 to a signed link that has run out.
  if (status === 400 || status === 401 || status === 403)
    return new ViewerError("link_refused", `The link to the ${what} is not accepted any more (${status}).`, "Links are valid for a limited time. Try again for a fresh one.");
  return new ViewerError("server_failed", `The server could not give the file of the ${what} (${status}).`, "Try again in a moment.");
}

export function unreadable(what: string, why: string, cause?: unknown): ViewerError {
  return new ViewerError("unreadable_file", `The file of the ${what} cannot be read: ${why}.`, "It may be damaged or of another format. Download it again or make it anew.", cause);
}

export function outOfMemory(cause?: unknown): ViewerError {
  return new ViewerError("out_of_memory", "This device has not enough memory for the model.", "Close other tabs, or open a smaller version of the model, for instance the optimised export.", cause);
}

/** Any failure of reading a file as a ViewerError; what already is one stays as it is. */
export function explained(error: unknown, what: string): ViewerError {
  if (error instanceof ViewerError) return error;
  const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (/allocation|out of memory|memory access out of bounds|array length|could not be created/i.test(words)) return outOfMemory(error);
  return unreadable(what, firstSentence(words), error);
}

/** Of many lines and sentences the first, without "Error:" and the final stop, short enough for a small box. */
function firstSentence(words: string): string {
  const line = (words.split("\n")[0] ?? "").replace(/^(\w*Error: )+/, "").replace(/\.$/, "");
  return line.length > 160 ? `${line.slice(0, 159)}…` : line || "unknown reason";
}
