import type { KeyboardEvent, PointerEvent } from "react";

interface Props {
  /** The left side's share of the width, 0..1. */
  share: number;
  left: string;
  right: string;
  label: string;
  onChange: (share: number) => void;
}

const STEP = 0.02;
const LEAP = 0.1;

/** A line between two pictures of the same place; dragged, or moved by the arrow keys. */
export function SplitHandle({ share, left, right, label, onChange }: Props) {
  const set = (wanted: number) => onChange(Math.min(1, Math.max(0, wanted)));
  const onDrag = (event: PointerEvent<HTMLElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.parentElement!.getBoundingClientRect();
    set((event.clientX - box.left) / box.width);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.shiftKey ? LEAP : STEP;
    const to: Record<string, number> = { ArrowLeft: share - step, ArrowRight: share + step, PageDown: share - LEAP, PageUp: share + LEAP, Home: 0, End: 1 };
    if (!(event.key in to)) return;
    set(to[event.key]!);
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="mqv-split">
      <span className="mqv-side" style={{ right: `${100 - 100 * share}%` }}>
        {left}
      </span>
      <span className="mqv-side" style={{ left: `${100 * share}%` }}>
        {right}
      </span>
      <div
        className="mqv-handle"
        style={{ left: `${100 * share}%` }}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * share)}
        aria-valuetext={`${left} ${Math.round(100 * share)} %, ${right} ${Math.round(100 - 100 * share)} %`}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onDrag}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}
