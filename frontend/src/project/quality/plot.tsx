import "uplot/dist/uPlot.min.css";

import { useEffect, useRef } from "react";
import UPlot from "uplot";

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

/** A chart over versions. Colours are read from the page, so that it is drawn anew when the theme changes. */
export function Plot({ chart, versions, range, height, bare = false }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    let plot: UPlot | null = null;
    function draw(): void {
      if (!host || host.clientWidth === 0) return;
      plot?.destroy();
      plot = new UPlot(optionsOf(chart, versions, range, host, height, bare), dataOf(chart, versions), host);
    }
    const size = new ResizeObserver(() => {
      if (plot && host.clientWidth) plot.setSize({ width: host.clientWidth, height });
      else draw();
    });
    const theme = new MutationObserver(draw);
    const system = matchMedia("(prefers-color-scheme: dark)");
    draw();
    size.observe(host);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    system.addEventListener("change", draw);
    return () => {
      size.disconnect();
      theme.disconnect();
      system.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [chart, versions, range, height, bare]);
  return (
    <div ref={box} aria-hidden style={{ height }} className="relative overflow-hidden text-ink-soft">
      {/* What colours the page's names stand for just now is read off these. */}
      <span data-ink="accent" className="absolute text-accent" />
      <span data-ink="soft" className="absolute text-line-strong" />
      <span data-ink="line" className="absolute text-line" />
    </div>
  );
}

function dataOf(chart: Chart, versions: readonly number[]): UPlot.AlignedData {
  return [[...versions], ...chart.series.map((series) => series.values)];
}

function optionsOf(
  chart: Chart,
  versions: readonly number[],
  range: readonly [number, number],
  host: HTMLElement,
  height: number,
  bare: boolean,
): UPlot.Options {
  const ink = (name: string) => getComputedStyle(host.querySelector(`[data-ink=${name}]`) ?? host).color;
  const soft = getComputedStyle(host).color;
  const font = "11px system-ui, sans-serif";
  const axis = { stroke: soft, font, ticks: { show: false }, grid: { stroke: ink("line"), width: 1 } };
  const colours = [ink("accent"), ink("soft")];
  // As many names as fit, the newest version's among them.
  const every = Math.max(1, Math.ceil((versions.length * NAME_PX) / (host.clientWidth - 60)));
  const first = versions[0] ?? 0;
  const last = versions.at(-1) ?? 0;
  return {
    width: host.clientWidth,
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
        stroke: colours[index] ?? soft,
        width: 2,
        ...(index > 0 ? { dash: [4, 4] } : {}),
        spanGaps: true,
        points: { show: true, size: bare ? 5 : 7, fill: colours[index] ?? soft },
        value: (_: UPlot, value: number | null) => valueOf(value, chart.term),
      })),
    ],
  };
}
