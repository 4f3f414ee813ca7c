import { useSyncExternalStore } from "react";

/** An upload that is under way, for the mark that every page shows; the uploader itself is fetched with its page. */
export interface Activity {
  projectId: string;
  percent: number;
}

let activity: Activity | null = null;
const listeners = new Set<() => void>();

export function tellActivity(next: Activity | null): void {
  if (next?.projectId === activity?.projectId && next?.percent === activity?.percent) return;
  activity = next;
  for (const tell of listeners) tell();
}

export function useActivity(): Activity | null {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => activity,
  );
}
