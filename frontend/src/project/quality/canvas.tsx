import "uplot/dist/uPlot.min.css";

import { useEffect, useRef } from "react";
import UPlot from "uplot";

export interface Drawing {
  options: UPlot.Options;
  data: UPlot.AlignedData;
}

/** What the page's colours are just now, read off the canvas' own element. */
export interface Inks {
  accent: string;
  soft: string;
  line: string;
  text: string;
}

interface CanvasProps {
  height: number;
  /** Keep it while nothing changes: the chart is drawn anew with each other one. */
  drawing: (width: number, inks: Inks) => Drawing;
}

/** A chart, drawn anew when its size or the theme changes. Nobody hears it: words beside it say the same. */
export function Canvas({ height, drawing }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    let plot: UPlot | null = null;
    function draw(): void {
      if (!host || host.clientWidth === 0) return;
      plot?.destroy();
      const { options, data } = drawing(host.clientWidth, inksOf(host));
      plot = new UPlot(options, data, host);
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
  }, [drawing, height]);
  return (
    <div ref={box} aria-hidden style={{ height }} className="relative overflow-hidden text-ink-soft">
      {/* What colours the page's names stand for just now is read off these. */}
      <span data-ink="accent" className="absolute text-accent" />
      <span data-ink="soft" className="absolute text-line-strong" />
      <span data-ink="line" className="absolute text-line" />
    </div>
  );
}

function inksOf(host: HTMLElement): Inks {
  const ink = (name: string) => getComputedStyle(host.querySelector(`[data-ink=${name}]`) ?? host).color;
  return { accent: ink("accent"), soft: ink("soft"), line: ink("line"), text: getComputedStyle(host).color };
}

/** How all axes of the page look. */
export const axisOf = ({ text, line }: Inks): UPlot.Axis => ({
  stroke: text,
  font: "11px system-ui, sans-serif",
  ticks: { show: false },
  grid: { stroke: line, width: 1 },
});
