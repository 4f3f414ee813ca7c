import { lazy, Suspense, useId, useState } from "react";

import type { CurrentRun, Run } from "@/api/connection";
import { Badge } from "@/ui/badge";
import { age, duration } from "@/ui/format";
import { IconChevron, IconCube, IconDownload, IconRefine, IconUpload } from "@/ui/icons";
import { Progress } from "@/ui/progress";
import { Skeleton } from "@/ui/states";

import { elapsed } from "./stages";
import { useNow } from "./use-now";
import { RUN_STATES, STEPS } from "./words";

const RunBody = lazy(async () => ({ default: (await import("./run-body")).RunBody }));

const ICONS = { upload: IconUpload, generate: IconCube, refine: IconRefine, export: IconDownload };

interface RunEntryProps {
  run: Run;
  /** Its place in line and how long it takes, while it has not ended. */
  current: CurrentRun | null;
  /** The newest of its step: the one that may be tried again. */
  newest: boolean;
  /** Nothing was done after it. */
  last: boolean;
}

export function RunEntry({ run, current, newest, last }: RunEntryProps) {
  const unfinished = run.status === "running" || run.status === "queued";
  // Open by itself while it matters; once somebody opened or closed it, that holds.
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? (unfinished || (last && run.status !== "completed"));
  const now = useNow(run.status === "running");
  const bodyId = useId();
  const Icon = ICONS[run.step];
  const state = RUN_STATES[run.status];
  const took = elapsed(run, now);
  const warned = run.warnings.length;
  return (
    <li>
      <h3 className="text-base font-normal">
        <button
          type="button"
          aria-expanded={open}
          aria-controls={bodyId}
          onClick={() => setChosen(!open)}
          className="flex w-full items-center gap-3 px-4 py-2.5 text-left hover:bg-raised"
        >
          <Icon className="size-5 text-ink-soft" />
          <span className="min-w-0 grow">
            <span className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
              <span className="font-medium">{STEPS[run.step].name}</span>
              <Badge tone={state.tone}>{run.cancel_requested_at && unfinished ? "Stopping" : state.word}</Badge>
              {run.degraded ? (
                <Badge tone="warn">Fallback used</Badge>
              ) : (
                warned > 0 && <Badge>{warned === 1 ? "1 note" : `${warned} notes`}</Badge>
              )}
            </span>
            <span className="block text-sm text-ink-soft">
              {age(run.queued_at)}
              {took !== null && ` · ${duration(took)}`}
            </span>
          </span>
          <IconChevron className={`size-4 text-ink-soft transition-transform ${open ? "rotate-90" : ""}`} />
        </button>
      </h3>
      {run.status === "running" && (
        <Progress
          percent={run.progress_percentage}
          label={`Progress of ${STEPS[run.step].name}`}
          className="mx-4 mb-1"
        />
      )}
      <div id={bodyId} hidden={!open}>
        {open && (
          <Suspense fallback={<Skeleton className="mx-4 mb-4 h-56" />}>
            <RunBody run={run} current={current} newest={newest} now={now} />
          </Suspense>
        )}
      </div>
    </li>
  );
}
