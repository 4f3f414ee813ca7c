import { useSyncExternalStore } from "react";

/** `quiet`: nothing on this page is followed. `down`: changes are asked for now and then instead. */
export type LiveState = "quiet" | "connecting" | "live" | "down";

const followed = new Map<symbol, LiveState>();
const listeners = new Set<() => void>();

/** Each follower says how it is; the page's mark shows the worst of them. */
export function tellLive(follower: symbol, state: LiveState | null): void {
  if (state === null) followed.delete(follower);
  else followed.set(follower, state);
  for (const tell of listeners) tell();
}

function worst(): LiveState {
  const states = new Set(followed.values());
  return (["down", "connecting", "live"] as const).find((state) => states.has(state)) ?? "quiet";
}

export function useLiveState(): LiveState {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, worst);
}

const SLOWLY_MS = 10_000;

/** For `refetchInterval`: nothing is asked while Realtime tells, and slowly while it cannot. */
export function useSlowPolling(): number | false {
  return useLiveState() === "down" ? SLOWLY_MS : false;
}
