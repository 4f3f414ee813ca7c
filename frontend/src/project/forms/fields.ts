/** Bounds and defaults of the numbers that people may set, as our API states them (fields.test.ts holds them to it). */
export interface Bounds {
  least: number;
  most: number;
  /** Null: the server decides, by the preset or the model. */
  usual: number | null;
}

export const GENERATE = {
  iterations: { least: 1, most: 100_000, usual: null },
  max_gaussians: { least: 100, most: 5_000_000, usual: null },
  long_side: { least: 64, most: 4096, usual: null },
  num_views: { least: 1, most: 64, usual: null },
  seed: { least: 0, most: 2_147_483_647, usual: 0 },
} as const satisfies Record<string, Bounds>;

export const REFINE = {
  num_iterations: { least: 1, most: 50, usual: 3 },
  learning_rate: { least: 0, most: 0.1, usual: 0.01 },
  convergence_threshold: { least: 0, most: 1, usual: 0.01 },
  steps_per_iteration: { least: 1, most: 20_000, usual: null },
  strength: { least: 0.001, most: 1, usual: null },
  enhancement_steps: { least: 1, most: 200, usual: null },
  guidance: { least: 0, most: 30, usual: null },
  seed: { least: 0, most: 2_147_483_647, usual: 0 },
} as const satisfies Record<string, Bounds>;

/** A typed number: null where nothing was typed, so that the server's default holds. */
export function typed(text: string): number | null {
  const value = Number(text.trim());
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}

/** What is wrong with a typed number, or null. */
export function fault(text: string, { least, most }: Bounds, whole = true): string | null {
  if (text.trim() === "") return null;
  const value = Number(text.trim());
  if (!Number.isFinite(value) || (whole && !Number.isInteger(value))) return whole ? "A whole number." : "A number.";
  if (value < least || value > most) return `From ${least.toLocaleString("en")} to ${most.toLocaleString("en")}.`;
  return null;
}

/** Indices as people type them: "0, 3, 5-7". Null: it is not understood. */
export function indices(text: string): number[] | null {
  const found = new Set<number>();
  for (const part of text.split(/[,;\s]+/).filter(Boolean)) {
    const range = /^(\d{1,5})(?:[-–](\d{1,5}))?$/.exec(part);
    if (!range) return null;
    const from = Number(range[1]);
    const to = Number(range[2] ?? range[1]);
    if (to < from || to - from > 10_000) return null;
    for (let index = from; index <= to; index++) found.add(index);
  }
  return [...found].toSorted((a, b) => a - b);
}
