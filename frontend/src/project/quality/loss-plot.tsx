import { useCallback } from "react";

import { axisOf, Canvas, type Drawing, type Inks } from "./canvas";
import type { LossChart } from "./losses";

/** Losses over iterations, the newest version's in the page's own colour. */
export function LossPlot({ chart, height }: { chart: LossChart; height: number }) {
  const drawing = useCallback(
    (width: number, inks: Inks): Drawing => {
      const axis = axisOf(inks);
      return {
        options: {
          width,
          height,
          legend: { show: false },
          cursor: { show: false },
          padding: [8, 20, 0, 0],
          scales: { x: { time: false, range: (_, __, last) => [0, last] }, y: { range: (_, __, most) => [0, most * 1.08] } },
          axes: [
            { ...axis, size: 26, grid: { show: false }, space: 56 },
            { ...axis, size: 46, values: (_, splits, __, ___, step) => splits.map((value) => value.toFixed(step < 0.1 ? 2 : 1)) },
          ],
          series: [
            {},
            ...chart.lines.map((line, index) => ({
              label: `v${line.version}`,
              stroke: index === chart.lines.length - 1 ? inks.accent : inks.soft,
              width: 2,
              spanGaps: true,
              points: { show: false },
            })),
          ],
        },
        data: [chart.iterations, ...chart.lines.map((line) => line.values)],
      };
    },
    [chart, height],
  );
  return <Canvas height={height} drawing={drawing} />;
}
