import { useState, type ReactNode } from "react";

interface BeforeAfterProps {
  before: ReactNode;
  after: ReactNode;
  beforeName: string;
  afterName: string;
  /** Width by height of both. */
  ratio: number;
  /** Of the pictures, px: small ones are enlarged to twice their size at most. */
  width: number;
}

/** Two pictures over one another with a handle between: drag it, or move it with the arrow keys. */
export function BeforeAfter({ before, after, beforeName, afterName, ratio, width }: BeforeAfterProps) {
  const [share, setShare] = useState(50);
  return (
    <div
      className="relative mx-auto w-full overflow-hidden bg-raised has-focus-visible:outline-2 has-focus-visible:outline-accent"
      // As wide as there is room for, and not higher than the window leaves beside the bars around it.
      style={{ aspectRatio: ratio, maxWidth: `min(${2 * width}px, calc((100dvh - 9rem) * ${ratio}))` }}
    >
      <div className="size-full *:size-full *:object-fill">{after}</div>
      <div className="absolute inset-0 *:size-full *:object-fill" style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }}>
        {before}
      </div>
      <span aria-hidden className="absolute top-2 left-2 rounded bg-black/65 px-2 py-0.5 text-xs text-white">
        {beforeName}
      </span>
      <span aria-hidden className="absolute top-2 right-2 rounded bg-black/65 px-2 py-0.5 text-xs text-white">
        {afterName}
      </span>
      <div aria-hidden className="pointer-events-none absolute inset-y-0 w-0.5 -translate-x-1/2 bg-white shadow-[0_0_0_1px_rgb(0_0_0/0.5)]" style={{ left: `${share}%` }}>
        <span className="absolute top-1/2 left-1/2 grid size-8 -translate-1/2 place-items-center rounded-full bg-white text-sm text-black shadow-md">
          ↔
        </span>
      </div>
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        onChange={(event) => setShare(event.target.valueAsNumber)}
        aria-label={`How much shows ${beforeName}, the rest ${afterName}`}
        aria-valuetext={`${share} % ${beforeName}`}
        className="absolute inset-0 size-full cursor-ew-resize touch-pan-y opacity-0"
      />
    </div>
  );
}
