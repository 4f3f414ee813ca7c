import { lazy, Suspense, useMemo } from "react";

import type { TrainingLosses } from "@/api/connection";

import { byVersion, lossChart, lossOf, lossSummary } from "./losses";

const LossPlot = lazy(async () => ({ default: (await import("./loss-plot")).LossPlot }));

const NAMED = 4;

/** By which losses the versions came to what they are. */
export function LossFigure({ losses, height }: { losses: readonly TrainingLosses[]; height: number }) {
  const chart = useMemo(() => lossChart(losses), [losses]);
  const newest = byVersion(losses).slice(-NAMED);
  return (
    <figure className="rounded-lg border border-line bg-surface p-3" aria-label={lossSummary(losses)}>
      <figcaption className="mb-1">
        <span className="font-medium">Loss</span>
        <span className="text-sm text-ink-soft"> by iteration</span>
        <span className="block text-xs text-ink-soft" title={newest.at(-1)?.definition}>
          What training makes small, of training photos alone; less is better
        </span>
      </figcaption>
      <Suspense fallback={<div style={{ height }} />}>
        <LossPlot chart={chart} height={height} />
      </Suspense>
      <p className="mt-1 flex flex-wrap gap-x-4 text-xs text-ink-soft">
        {newest.map((one, index) => (
          <span key={one.version} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={`w-4 border-t-2 ${index === newest.length - 1 ? "border-accent" : "border-line-strong"}`} />
            v{one.version} <span className="text-ink">{lossOf(one.losses.at(-1))}</span>
          </span>
        ))}
      </p>
    </figure>
  );
}

/** Every point, as text. */
export function LossTable({ losses }: { losses: readonly TrainingLosses[] }) {
  const rows = byVersion(losses)
    .toReversed()
    .flatMap((one) => one.iterations.map((iteration, index) => ({ version: one.version, iteration, loss: one.losses[index] })));
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and keys must reach it
    <div className="max-h-[50dvh] overflow-auto rounded-lg border border-line" tabIndex={0} role="region" aria-label="Training losses">
      <table className="w-full text-sm">
        <caption className="p-3 text-left text-ink-soft">Training loss: {losses.at(-1)?.definition}</caption>
        <thead className="sticky top-0 bg-raised text-left">
          <tr className="*:px-3 *:py-2 *:font-medium">
            <th scope="col">Version</th>
            <th scope="col" className="text-right">
              Up to iteration
            </th>
            <th scope="col" className="text-right">
              Median loss
            </th>
          </tr>
        </thead>
        <tbody className="divide-y divide-line bg-surface">
          {rows.map((row) => (
            <tr key={`${row.version}-${row.iteration}`} className="text-ink-soft *:px-3 *:py-1.5">
              <th scope="row" className="text-left font-[inherit]">
                {row.version}
              </th>
              <td className="text-right">{row.iteration.toLocaleString("en")}</td>
              <td className="text-right">{lossOf(row.loss)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
