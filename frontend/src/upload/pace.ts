/** How fast bytes go, over the last seconds: an average since the beginning would hide that the line has changed. */
const WINDOW_MS = 8000;
const LEAST_MS = 800;

export class Pace {
  private samples: { at: number; sent: number }[] = [];

  /** `sent`: all bytes so far; `at`: milliseconds on any clock that does not jump. */
  add(at: number, sent: number): void {
    const last = this.samples.at(-1);
    // A batch that is sent again takes back what it had counted.
    if (last && sent < last.sent) this.samples = [];
    this.samples.push({ at, sent });
    while (this.samples.length > 2 && at - (this.samples[0]?.at ?? at) > WINDOW_MS) this.samples.shift();
  }

  /** Bytes are counted now that were not sent now. */
  restart(): void {
    this.samples = [];
  }

  /** Null until enough has gone to say. */
  bytesPerSecond(): number | null {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || !last || last.at - first.at < LEAST_MS) return null;
    return ((last.sent - first.sent) / (last.at - first.at)) * 1000;
  }

  secondsLeft(remaining: number): number | null {
    const speed = this.bytesPerSecond();
    return speed ? remaining / speed : null;
  }
}
