import type { Metric } from "@/api/connection";

export type Term = "psnr" | "ssim" | "lpips" | "depth_consistency";
export type Split = Metric["split"];

export const TERMS: Record<Term, { name: string; unit: string; better: "more" | "less"; digits: number; says: string }> = {
  psnr: { name: "PSNR", unit: "dB", better: "more", digits: 2, says: "How close colours come; more is better" },
  ssim: { name: "SSIM", unit: "", better: "more", digits: 3, says: "How alike structures are, up to 1; more is better" },
  lpips: { name: "LPIPS", unit: "", better: "less", digits: 3, says: "How unlike it looks to people, from 0; less is better" },
  depth_consistency: {
    name: "Depth",
    unit: "",
    better: "more",
    digits: 3,
    says: "Share of pixels whose depth other views confirm; more is better",
  },
};

export interface Series {
  name: string;
  /** One for each version; null where it was not measured. */
  values: (number | null)[];
}

export interface Chart {
  id: string;
  title: string;
  term: Term;
  series: Series[];
}

const SPLITS: readonly { split: Split; name: string }[] = [
  { split: "held_out", name: "Held out" },
  { split: "training", name: "Training" },
];

/** Versions that were measured, ascending. */
export function versionsOf(metrics: readonly Metric[]): number[] {
  return [...new Set(metrics.map((metric) => metric.version))].toSorted((a, b) => a - b);
}

/** The terms that anything was measured by. */
export function termsOf(metrics: readonly Metric[]): Term[] {
  return (Object.keys(TERMS) as Term[]).filter((term) => metrics.some((metric) => metric[term] !== null));
}

/** One chart for each term: means by version, held-out and training apart, for they are never mixed. */
export function meanCharts(metrics: readonly Metric[]): Chart[] {
  const versions = versionsOf(metrics);
  return termsOf(metrics).map((term) => ({
    id: term,
    title: TERMS[term].name,
    term,
    series: SPLITS.map(({ split, name }) => ({
      name,
      values: versions.map((version) => find(metrics, version, split, null)?.[term] ?? null),
    })).filter((series) => series.values.some((value) => value !== null)),
  }));
}

/** One chart for each view of a split, by its index. */
export function viewCharts(metrics: readonly Metric[], split: Split, term: Term, nameOf: (index: number) => string): Chart[] {
  const versions = versionsOf(metrics);
  const of = metrics.filter((metric) => metric.split === split && metric.view_index !== null);
  const views = [...new Set(of.map((metric) => metric.view_index as number))].toSorted((a, b) => a - b);
  return views.map((index) => ({
    id: `${split}-${index}`,
    title: nameOf(index),
    term,
    series: [{ name: TERMS[term].name, values: versions.map((version) => find(of, version, split, index)?.[term] ?? null) }],
  }));
}

/** Lowest and highest of all, a little apart: charts of one term share it, so that they can be compared by eye. */
export function rangeOf(charts: readonly Chart[]): [number, number] {
  const values = charts.flatMap((chart) => chart.series.flatMap((series) => series.values)).filter((value) => value !== null);
  if (values.length === 0) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = (high - low || Math.abs(high) || 1) * 0.15;
  return [low - room, high + room];
}

function find(metrics: readonly Metric[], version: number, split: Split, view: number | null): Metric | undefined {
  return metrics.find((metric) => metric.version === version && metric.split === split && metric.view_index === view);
}

export function valueOf(value: number | null | undefined, term: Term): string {
  if (value === null || value === undefined) return "–";
  return `${value.toFixed(TERMS[term].digits)}${TERMS[term].unit && ` ${TERMS[term].unit}`}`;
}
