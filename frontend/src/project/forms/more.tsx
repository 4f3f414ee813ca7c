import type { ReactNode } from "react";

import { IconChevron } from "@/ui/icons";

/** What few need; the rest of a form behind a word. */
export function More({ label, children }: { label: string; children: ReactNode }) {
  return (
    <details className="group rounded-lg border border-line">
      <summary className="flex list-none items-center gap-2 rounded-lg px-3 py-2 text-sm font-medium hover:bg-raised">
        <IconChevron className="size-4 transition-transform group-open:rotate-90" />
        {label}
      </summary>
      <div className="grid gap-4 border-t border-line p-3 sm:grid-cols-2">{children}</div>
    </details>
  );
}
