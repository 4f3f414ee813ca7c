import { useEffect, useRef } from "react";

import { IconButton } from "./button";

const POINTER: readonly (readonly [string, string])[] = [
  ["Drag, one finger", "turn around the model"],
  ["Right drag, Shift-drag, two fingers", "shift"],
  ["Wheel, pinch", "nearer, farther"],
  ["Click a camera", "stand where its photo was taken"],
];
const KEYBOARD: readonly (readonly [string, string])[] = [
  ["W A S D, Q E", "fly; with Shift faster"],
  ["Arrows", "turn"],
  ["+ −", "nearer, farther"],
  ["F", "show all of it"],
  ["R", "back to the start"],
  ["O", "turn around the model, or look about"],
  ["1 2 3 4", "layers"],
  ["[ ]", "previous, next photo"],
  ["P", "save a picture"],
  ["Enter", "full screen"],
  ["Esc", "leave the photo, close this"],
];

/** What the pointer and the keys do. */
export function Help({ onClose }: { onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.querySelector("button")?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <div className="mqv-help" role="dialog" aria-label="How to move" ref={box}>
      <header>
        <strong>How to move</strong>
        <IconButton icon="close" label="Close" onClick={onClose} />
      </header>
      {[POINTER, KEYBOARD].map((list, index) => (
        <dl key={index}>
          {list.map(([how, what]) => (
            <div key={how}>
              <dt>{how}</dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      ))}
    </div>
  );
}
