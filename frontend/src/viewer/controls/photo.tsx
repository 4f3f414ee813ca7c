/** The photo that the visitor stands in: laid over the render at the camera's own intrinsics, and how to blend it. */

import { useState } from "react";

import { letterbox } from "../engine/letterbox";
import type { CameraFrame } from "../types";
import { IconButton } from "./button";

export interface Blending {
  mode: "blend" | "split";
  /** Of the photo, 0..1. */
  opacity: number;
  /** The photo's share of the width in "split". */
  share: number;
}

interface LayerProps {
  frame: CameraFrame;
  size: { width: number; height: number };
  blending: Blending;
}

export function PhotoLayer({ frame, size, blending }: LayerProps) {
  const [failed, setFailed] = useState(false);
  if (!frame.imageUrl) return null;
  const { left, top, width, height } = letterbox(frame, size);
  if (failed) return <p className="mqv-note">The photo {frame.name} cannot be shown; the render behind it can.</p>;
  // The split is a share of the canvas, the clipping one of the photo.
  const cut = Math.min(1, Math.max(0, (blending.share * size.width - left) / width));
  const split = blending.mode === "split";
  return (
    <img
      className="mqv-photo"
      src={frame.imageUrl}
      alt={frame.name}
      crossOrigin="anonymous"
      draggable={false}
      style={{ left, top, width, height, opacity: split ? 1 : blending.opacity, clipPath: split ? `inset(0 ${100 - 100 * cut}% 0 0)` : undefined }}
      onError={() => setFailed(true)}
    />
  );
}

interface PanelProps {
  frame: CameraFrame;
  position: string;
  blending: Blending;
  onBlend: (blending: Blending) => void;
  onStep: (by: number) => void;
  onLeave: () => void;
}

export function PhotoPanel({ frame, position, blending, onBlend, onStep, onLeave }: PanelProps) {
  const split = blending.mode === "split";
  return (
    <div className="mqv-bar mqv-photos" role="group" aria-label="Photo and render">
      <IconButton icon="previous" label="Previous photo" shortcut="[" onClick={() => onStep(-1)} />
      <span className="mqv-name">
        {frame.name} <small>{position}</small>
      </span>
      <IconButton icon="next" label="Next photo" shortcut="]" onClick={() => onStep(1)} />
      {frame.imageUrl && (
        <>
          <label className="mqv-blend" hidden={split}>
            <span>Render</span>
            <input
              type="range"
              min={0}
              max={100}
              value={Math.round(100 * blending.opacity)}
              aria-label="Photo over render"
              aria-valuetext={`${Math.round(100 * blending.opacity)} % photo`}
              onChange={(event) => onBlend({ ...blending, opacity: Number(event.target.value) / 100 })}
            />
            <span>Photo</span>
          </label>
          <button type="button" className="mqv-chip" aria-pressed={split} onClick={() => onBlend({ ...blending, mode: split ? "blend" : "split" })}>
            Side by side
          </button>
        </>
      )}
      <IconButton icon="close" label="Leave the photo" shortcut="Escape" onClick={onLeave} />
    </div>
  );
}
