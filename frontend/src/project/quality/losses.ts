import type { TrainingLosses } from "@/api/connection";

/** All versions on one axis of iterations, which goes on from parent to child; null where a version has no point. */
export interface LossChart {
  iterations: number[];
  lines: { version: number; values: (number | null)[] }[];
}

export function lossChart(all: readonly TrainingLosses[]): LossChart {
  const iterations = [...new Set(all.flatMap((one) => one.iterations))].toSorted((a, b) => a - b);
  return {
    iterations,
    lines: byVersion(all).map((one) => {
      const of = new Map(one.iterations.map((iteration, index) => [iteration, one.losses[index] ?? null]));
      return { version: one.version, values: iterations.map((iteration) => of.get(iteration) ?? null) };
    }),
  };
}

export function byVersion(all: readonly TrainingLosses[]): TrainingLosses[] {
  return all.toSorted((a, b) => a.version - b.version);
}

/** Three digits that count, as losses shrink. */
export function lossOf(value: number | undefined): string {
  return value === undefined ? "–" : value.toPrecision(3);
}

/** The chart for those who hear it. */
export function lossSummary(all: readonly TrainingLosses[]): string {
  const lines = byVersion(all).map((one) => `version ${one.version} from ${lossOf(one.losses[0])} to ${lossOf(one.losses.at(-1))} at iteration ${one.iterations.at(-1)}`);
  return `Training loss: ${lines.join(", ")}`;
}
