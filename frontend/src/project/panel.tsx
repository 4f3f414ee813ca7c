import { useId, type ReactNode } from "react";

/** A framed part of the page under its own heading. */
export function Panel({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="rounded-xl border border-line bg-surface">
      <header className="flex min-h-12 flex-wrap items-center justify-between gap-x-3 gap-y-1 border-b border-line px-4 py-2">
        <h2 id={id} className="text-base">
          {title}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
