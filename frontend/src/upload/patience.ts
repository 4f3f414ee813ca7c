import type { ApiFailure } from "@/api/failure";

/** How long to wait before each next try. */
export const PATIENCE_MS = [1000, 3000, 8000, 20_000, 40_000];

/** How long the server asks to wait because too many uploads came lately; null: it does not. */
export function askedMs({ code, details }: ApiFailure): number | null {
  const seconds = details.retry_after_s;
  return code === "rate_limited" && typeof seconds === "number" ? seconds * 1000 : null;
}

/** For a while, or until the line is back. */
export async function patience(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((done) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    signal.addEventListener("abort", end, { once: true });
  });
}
