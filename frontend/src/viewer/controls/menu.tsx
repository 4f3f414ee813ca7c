import { type KeyboardEvent, useEffect, useRef, useState } from "react";

import { Icon, type IconName } from "./icons";

export interface Item {
  label: string;
  says?: string;
  onChoose: () => void;
}

/**
 * A button with a menu above it, inside the viewer: what is mounted elsewhere in the page cannot be seen in full screen.
 * Keys as the ARIA practices have them for menu buttons.
 */
export function Menu({ icon, label, items }: { icon: IconName; label: string; items: readonly Item[] }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const entries = () => [...(root.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];

  useEffect(() => {
    if (!open) return;
    entries()[0]?.focus();
    const elsewhere = (event: PointerEvent) => !root.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const [all, here] = [entries(), entries().indexOf(document.activeElement as HTMLElement)];
    const to: Record<string, number> = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 };
    if (event.key === "Escape") close();
    else if (event.key === "Tab") setOpen(false);
    else if (event.key in to) all.at(to[event.key]! % all.length)?.focus();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="mqv-menu" ref={root} onKeyDown={onKeyDown} role="presentation">
      <button ref={button} type="button" className="mqv-button" aria-label={label} title={label} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={icon} />
      </button>
      {open && (
        <div className="mqv-items" role="menu" aria-label={label}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close();
                item.onChoose();
              }}
            >
              <span>{item.label}</span>
              {item.says && <small>{item.says}</small>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
