import type { ReactNode } from "react";

import { Icon, type IconName } from "./icons";

interface Props {
  icon: IconName;
  label: string;
  /** Told in the tooltip. */
  shortcut?: string;
  pressed?: boolean;
  children?: ReactNode;
  onClick: () => void;
}

/** A labelled icon; where `pressed` is given, a switch. */
export function IconButton({ icon, label, shortcut, pressed, children, onClick }: Props) {
  return (
    <button type="button" className="mqv-button" aria-label={label} aria-pressed={pressed} aria-keyshortcuts={shortcut} title={shortcut ? `${label} (${shortcut})` : label} onClick={onClick}>
      <Icon name={icon} />
      {children}
    </button>
  );
}
