import { lazy, Suspense, useState } from "react";

import type { CurrentRun } from "@/api/connection";
import { Button } from "@/ui/button";
import { about, count, duration } from "@/ui/format";
import { IconStop } from "@/ui/icons";
import { Progress } from "@/ui/progress";

import { stageName, STEPS } from "./steps";
import { useElapsed } from "./use-elapsed";

const CancelDialog = lazy(async () => ({ default: (await import("./cancel-dialog")).CancelDialog }));

interface RunPanelProps {
  run: CurrentRun;
  /** Runs of this project behind it. */
  waiting: number;
  projectId: string;
}

/** The run at work, or the first in line: stage, percent, time left, place in line, and the way to stop it. */
export function RunPanel({ run, waiting, projectId }: RunPanelProps) {
  const [cancelling, setCancelling] = useState(false);
  const elapsed = useElapsed(run.started_at);
  const queued = run.status === "queued";
  return (
    <section aria-label={STEPS[run.step].doing} className="space-y-3 rounded-xl border border-accent/40 bg-surface p-4">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 className="text-base">{queued ? `${STEPS[run.step].name}: in line` : STEPS[run.step].doing}</h2>
          <p className="min-h-6 truncate text-sm text-ink-soft" role="status">
            {queued ? place(run) : [stageName(run.stage), run.message].filter(Boolean).join(": ") || "Getting ready"}
          </p>
        </div>
        <Button size="sm" onClick={() => setCancelling(true)} disabled={run.cancel_requested}>
          <IconStop /> {run.cancel_requested ? "Stopping …" : "Cancel"}
        </Button>
      </div>
      <Progress percent={queued ? null : run.progress_percentage} label={STEPS[run.step].doing} className="h-2" />
      <p className="flex flex-wrap justify-between gap-x-4 text-sm text-ink-soft">
        <span>
          {queued ? "Not begun" : `${Math.round(run.progress_percentage)} %`}
          {elapsed !== null && ` · ${duration(elapsed)} so far`}
          {waiting > 0 && ` · ${count(waiting, "more run")} of this project behind it`}
        </span>
        <span title={run.eta_note}>
          {typeof run.eta_s === "number" ? `${about(run.eta_s)} left` : run.eta_note || "no estimate yet"}
        </span>
      </p>
      <Suspense>
        {cancelling && <CancelDialog run={{ id: run.run_id, project_id: projectId }} onClose={() => setCancelling(false)} />}
      </Suspense>
    </section>
  );
}

function place(run: CurrentRun): string {
  const where = run.queue_position ? `Place ${run.queue_position} in line.` : "";
  return [where, run.waits_note].filter(Boolean).join(" ") || "Waits for a worker.";
}
