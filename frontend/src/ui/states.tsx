import type { ReactNode } from "react";

import { ApiFailure, asFailure } from "@/api/failure";

import { Button } from "./button";
import { IconRetry, IconWarning } from "./icons";
import { Words } from "./words";

/** The three states that every list has beside being full. */
export function Empty({ title, text, action }: { title: string; text?: ReactNode; action?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-lg flex-col items-center gap-3 py-16 text-center">
      <h2 className="text-lg">{title}</h2>
      {text && <p className="text-ink-soft">{text}</p>}
      {action}
    </div>
  );
}

interface FailedProps {
  failure: unknown;
  retry?: () => void;
  retryLabel?: string;
}

/** What went wrong in the API's own words: the code for whoever asks for help, the sentence, and what to do. */
export function Failed({ failure, retry, retryLabel = "Try again" }: FailedProps) {
  const known = failure instanceof Error && !(failure instanceof ApiFailure) ? null : asFailure(failure);
  return (
    <div role="alert" className="flex flex-wrap gap-3 rounded-lg border border-bad/40 bg-bad-soft p-4">
      <IconWarning className="mt-0.5 size-5 text-bad" />
      <div className="min-w-0 grow basis-48 space-y-1">
        <p className="font-medium wrap-anywhere">
          <Words text={known?.message ?? "This part of the page failed."} />
        </p>
        <p className="text-sm"><Words text={known ? known.suggestion : (failure as Error).message} /></p>
        <p className="font-mono text-xs break-all text-ink-soft">
          {known?.code ?? "page_failed"}
          {known?.requestId && ` · request ${known.requestId}`}
        </p>
      </div>
      {retry && (
        <Button size="sm" onClick={retry} className="self-center">
          <IconRetry /> {retryLabel}
        </Button>
      )}
    </div>
  );
}

export function Loading({ label = "Loading" }: { label?: string }) {
  return (
    <div role="status" className="grid place-items-center py-24 text-ink-soft">
      <span className="size-6 animate-spin rounded-full border-2 border-current border-r-transparent" aria-hidden />
      <span className="sr-only">{label} …</span>
    </div>
  );
}

/** Stands where something will be, at its size, so that nothing jumps when it comes. */
export function Skeleton({ className }: { className: string }) {
  return <div aria-hidden className={`animate-pulse rounded-md bg-raised ${className}`} />;
}
