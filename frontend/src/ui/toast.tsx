import { useSyncExternalStore, type ReactNode } from "react";

import { asFailure } from "@/api/failure";

import { IconCross } from "./icons";

interface Note {
  id: number;
  tone: "plain" | "bad";
  text: ReactNode;
  hint?: string;
}

const STAYS_MS = 6000;
let notes: readonly Note[] = [];
let counted = 0;
const listeners = new Set<() => void>();

function put(next: readonly Note[]): void {
  notes = next;
  for (const tell of listeners) tell();
}

function dismiss(id: number): void {
  put(notes.filter((note) => note.id !== id));
}

/** A short word on what was done. It goes by itself. */
export function toast(text: ReactNode): void {
  const id = ++counted;
  put([...notes, { id, tone: "plain", text }]);
  setTimeout(() => dismiss(id), STAYS_MS);
}

/** What failed stays until it was read. */
export function toastFailure(cause: unknown): void {
  const failure = asFailure(cause);
  put([...notes, { id: ++counted, tone: "bad", text: failure.message, hint: `${failure.suggestion} (${failure.code})` }]);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => notes,
  );
  return (
    <div
      role="region"
      aria-label="Messages"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-4 z-50 flex flex-col items-end gap-2"
    >
      {shown.map((note) => (
        <div
          key={note.id}
          className={`pointer-events-auto flex max-w-md items-start gap-3 rounded-lg border p-3 shadow-lg ${note.tone === "bad" ? "border-bad/40 bg-bad-soft" : "border-line bg-surface"}`}
        >
          <div className="space-y-0.5 text-sm">
            <p className="font-medium">{note.text}</p>
            {note.hint && <p className="text-ink-soft">{note.hint}</p>}
          </div>
          <button type="button" aria-label="Dismiss" className="rounded p-0.5 hover:bg-raised" onClick={() => dismiss(note.id)}>
            <IconCross />
          </button>
        </div>
      ))}
    </div>
  );
}
