import { useCallback } from "react";
import type UPlot from "uplot";

import { axisOf, Canvas, type Drawing, type Inks } from "./canvas";
import { valueOf, type Chart } from "./series";

/** Between lines: no halves of a shown digit. */
const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

const NAME_PX = 30;

interface PlotProps {
  chart: Chart;
  versions: readonly number[];
  range: readonly [number, number];
  height: number;
  bare?: boolean;
}

/** A chart over versions. */
export function Plot({ chart, versions, range, height, bare = false }: PlotProps) {
  const drawing = useCallback(
    (width: number, inks: Inks): Drawing => ({
      options: optionsOf(chart, versions, range, inks, width, height, bare),
      data: [[...versions], ...chart.series.map((series) => series.values)],
    }),
    [chart, versions, range, height, bare],
  );
  return <Canvas height={height} drawing={drawing} />;
}

function optionsOf(
  chart: Chart,
  versions: readonly number[],
  range: readonly [number, number],
  inks: Inks,
  width: number,
  height: number,
  bare: boolean,
): UPlot.Options {
  const axis = axisOf(inks);
  const colours = [inks.accent, inks.soft];
  // As many names as fit, the newest version's among them.
  const every = Math.max(1, Math.ceil((versions.length * NAME_PX) / (width - 60)));
  const first = versions[0] ?? 0;
  const last = versions.at(-1) ?? 0;
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 12, bare ? 8 : 0, bare ? 12 : 0],
    scales: { x: { time: false, range: [first - 0.4, last + 0.4] }, y: { range: [range[0], range[1]] } },
    axes: [
      {
        ...axis,
        show: !bare,
        size: 26,
        grid: { show: false },
        splits: () => versions.filter((_, index) => (versions.length - 1 - index) % every === 0),
        values: (_, splits) => splits.map((version) => `v${version}`),
      },
      { ...axis, show: !bare, size: 46, incrs: STEPS, values: (_, splits, __, ___, step) => splits.map((value) => value.toFixed(step < 0.01 ? 3 : step < 0.1 ? 2 : 1)) },
    ],
    series: [
      { value: (_, version) => `v${version}` },
      ...chart.series.map((series, index) => ({
        label: series.name,
        stroke: colours[index] ?? inks.text,
        width: 2,
        ...(index > 0 ? { dash: [4, 4] } : {}),
        spanGaps: true,
        points: { show: true, size: bare ? 5 : 7, fill: colours[index] ?? inks.text },
        value: (_: UPlot, value: number | null) => valueOf(value, chart.term),
      })),
    ],
  };
}
