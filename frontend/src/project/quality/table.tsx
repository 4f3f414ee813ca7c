import type { Metric } from "@/api/connection";

import { TERMS, termsOf, valueOf } from "./series";

/** Every number, as text: means first, then view by view. */
export function QualityTable({ metrics, names }: { metrics: readonly Metric[]; names: ReadonlyMap<number, string> }) {
  const terms = termsOf(metrics);
  const rows = metrics.toSorted(
    (a, b) => b.version - a.version || a.split.localeCompare(b.split) || (a.view_index ?? -1) - (b.view_index ?? -1),
  );
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and keys must reach it
    <div className="max-h-[70dvh] overflow-auto rounded-lg border border-line" tabIndex={0} role="region" aria-label="All measurements">
      <table className="w-full text-sm">
        <thead className="sticky top-0 bg-raised text-left">
          <tr className="*:px-3 *:py-2 *:font-medium">
            <th scope="col">Version</th>
            <th scope="col">Views</th>
            <th scope="col">View</th>
            {terms.map((term) => (
              <th scope="col" key={term} className="text-right" title={TERMS[term].says}>
                {TERMS[term].name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line bg-surface">
          {rows.map((metric) => (
            <tr key={metric.id} className={`*:px-3 *:py-1.5 ${metric.view_index === null ? "font-medium" : "text-ink-soft"}`}>
              <th scope="row" className="text-left font-[inherit]">
                {metric.version}
              </th>
              <td className="whitespace-nowrap">{metric.split === "held_out" ? "Held out" : "Training"}</td>
              <td>{metric.view_index === null ? "Mean" : (names.get(metric.view_index) ?? metric.view_index)}</td>
              {terms.map((term) => (
                <td key={term} className="text-right whitespace-nowrap">
                  {valueOf(metric[term], term)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
