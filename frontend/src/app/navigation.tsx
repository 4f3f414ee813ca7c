import { createContext, use, type AnchorHTMLAttributes, type MouseEvent } from "react";

// A router of our own: ours are five addresses, and a library for them would take a third of what the first load may
// weigh.
export interface Place {
  path: string;
  query: URLSearchParams;
}

export const PlaceContext = createContext<Place>({ path: "/", query: new URLSearchParams() });

/** Where the visitor is: the address's path and its parameters. */
export function usePlace(): Place {
  return use(PlaceContext);
}

export function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

const listeners = new Set<() => void>();

export function onNavigation(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  for (const tell of listeners) tell();
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  to: string;
}

/** A link within the page. New tabs, downloads and the like stay the browser's. */
export function Link({ to, onClick, children, ...rest }: LinkProps) {
  function follow(event: MouseEvent<HTMLAnchorElement>): void {
    onClick?.(event);
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (event.defaultPrevented || !plain || rest.target) return;
    event.preventDefault();
    navigate(to);
  }
  return (
    <a {...rest} href={to} onClick={follow}>
      {children}
    </a>
  );
}
