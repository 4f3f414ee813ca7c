import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";

import { SelectField } from "@/ui/field";
import { Empty, Failed, Skeleton } from "@/ui/states";

import { lossesQuery, metricsQuery, viewsQuery } from "../queries";
import { LossFigure, LossTable } from "./loss-figure";
import { meanCharts, rangeOf, TERMS, termsOf, valueOf, versionsOf, viewCharts, type Chart, type Split, type Term } from "./series";
import { QualityTable } from "./table";

// The drawing library is fetched when a chart is first shown.
const Plot = lazy(async () => ({ default: (await import("./plot")).Plot }));

const HEIGHT = 180;
const SMALL = 84;

/** How close each version comes to photos, over all of them and view by view; as charts or as a table. */
export function QualityTab({ projectId }: { projectId: string }) {
  const metrics = useQuery(metricsQuery(projectId));
  const losses = useQuery(lossesQuery(projectId));
  const views = useQuery(viewsQuery(projectId));
  const [as, setAs] = useState<"charts" | "table">("charts");
  const [split, setSplit] = useState<Split>("held_out");
  const [term, setTerm] = useState<Term>("psnr");
  const names = useMemo(() => new Map(views.data?.map((view) => [view.view_index, view.name]) ?? []), [views.data]);
  const data = metrics.data;
  const versions = useMemo(() => versionsOf(data ?? []), [data]);
  const means = useMemo(() => meanCharts(data ?? []), [data]);
  const small = useMemo(
    () => viewCharts(data ?? [], split, term, (index) => names.get(index) ?? `View ${index}`),
    [data, split, term, names],
  );

  if (metrics.isPending || losses.isPending) return <Skeleton className="h-72" />;
  if (metrics.isError) return <Failed failure={metrics.error} retry={() => void metrics.refetch()} />;
  if (losses.isError) return <Failed failure={losses.error} retry={() => void losses.refetch()} />;
  if (metrics.data.length === 0 && losses.data.length === 0) {
    return <Empty title="Nothing was measured yet" text="Each version is compared with photos, and with some that it has not learnt from." />;
  }
  const splits = (["held_out", "training"] as const).filter((one) => metrics.data.some((metric) => metric.split === one));
  return (
    <div className="space-y-6">
      <fieldset className="flex gap-1 text-sm">
        <legend className="sr-only">Show as</legend>
        {(["charts", "table"] as const).map((way) => (
          <label
            key={way}
            className="rounded-md px-3 py-1.5 text-ink-soft capitalize has-checked:bg-accent-soft has-checked:text-accent-strong has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input type="radio" name="quality-as" className="sr-only" checked={as === way} onChange={() => setAs(way)} />
            {way}
          </label>
        ))}
      </fieldset>
      {as === "table" ? (
        <>
          <QualityTable metrics={metrics.data} names={names} />
          {losses.data.length > 0 && <LossTable losses={losses.data} />}
        </>
      ) : (
        <>
          <div className="grid grid-cols-[repeat(auto-fill,minmax(min(16rem,100%),1fr))] gap-4">
            {means.map((chart) => (
              <Figure key={chart.id} chart={chart} versions={versions} />
            ))}
            {losses.data.length > 0 && <LossFigure losses={losses.data} height={HEIGHT} />}
          </div>
          <section className="space-y-3">
            <div className="flex flex-wrap items-end gap-3">
              <h3 className="grow self-center text-base">View by view</h3>
              <div className="w-40">
                <SelectField label="Measure" value={term} onChange={(event) => setTerm(event.target.value as Term)}>
                  {termsOf(metrics.data).map((one) => (
                    <option key={one} value={one}>
                      {TERMS[one].name}
                    </option>
                  ))}
                </SelectField>
              </div>
              <div className="w-40">
                <SelectField label="Views" value={split} onChange={(event) => setSplit(event.target.value as Split)}>
                  {splits.map((one) => (
                    <option key={one} value={one}>
                      {one === "held_out" ? "Held out" : "Training"}
                    </option>
                  ))}
                </SelectField>
              </div>
            </div>
            <SmallMultiples charts={small} versions={versions} />
          </section>
        </>
      )}
    </div>
  );
}

function Figure({ chart, versions }: { chart: Chart; versions: readonly number[] }) {
  const range = useMemo(() => rangeOf([chart]), [chart]);
  const { name, says, unit } = TERMS[chart.term];
  return (
    <figure className="rounded-lg border border-line bg-surface p-3" aria-label={summaryOf(chart, versions)}>
      <figcaption className="mb-1">
        <span className="font-medium">{name}</span>
        {unit && <span className="text-sm text-ink-soft"> in {unit}</span>}
        <span className="block text-xs text-ink-soft">{says}</span>
      </figcaption>
      <Suspense fallback={<div style={{ height: HEIGHT }} />}>
        <Plot chart={chart} versions={versions} range={range} height={HEIGHT} />
      </Suspense>
      <p className="mt-1 flex flex-wrap gap-x-4 text-xs text-ink-soft">
        {chart.series.map((series, index) => (
          <span key={series.name} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={`w-4 border-t-2 ${index === 0 ? "border-accent" : "border-dashed border-line-strong"}`} />
            {series.name} <span className="text-ink">{valueOf(series.values.at(-1), chart.term)}</span>
          </span>
        ))}
      </p>
    </figure>
  );
}

function SmallMultiples({ charts, versions }: { charts: readonly Chart[]; versions: readonly number[] }) {
  // One scale for all, or they could not be compared.
  const range = useMemo(() => rangeOf(charts), [charts]);
  return (
    <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(10rem,46%),1fr))] gap-3">
      {charts.map((chart) => {
        const values = chart.series[0]?.values ?? [];
        return (
          <li key={chart.id} className="rounded-lg border border-line bg-surface p-2" aria-label={summaryOf(chart, versions)}>
            <p className="flex justify-between gap-2 text-xs">
              <span className="truncate text-ink-soft">{chart.title}</span>
              <span className="whitespace-nowrap">{valueOf(values.at(-1), chart.term)}</span>
            </p>
            <Suspense fallback={<div style={{ height: SMALL }} />}>
              <Plot chart={chart} versions={versions} range={range} height={SMALL} bare />
            </Suspense>
          </li>
        );
      })}
    </ul>
  );
}

/** The chart for those who hear it. */
function summaryOf(chart: Chart, versions: readonly number[]): string {
  const lines = chart.series.map(
    (series) => `${series.name}: ${series.values.map((value, index) => `version ${versions[index]} ${valueOf(value, chart.term)}`).join(", ")}`,
  );
  return `${chart.title}. ${lines.join(". ")}`;
}
