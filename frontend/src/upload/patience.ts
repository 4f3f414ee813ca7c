/** How long to wait before each next try. */
export const PATIENCE_MS = [1000, 3000, 8000, 20_000, 40_000];

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
