import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { CurrentRun, Run } from "@/api/connection";
import { runsQuery } from "@/api/queries";
import { Button } from "@/ui/button";
import { count } from "@/ui/format";
import { Failed, Skeleton } from "@/ui/states";

import { Panel } from "./panel";
import { RunEntry } from "./run-entry";

const SHOWN = 5;

/** What was done to the project, newest first; what is at work, or has just failed, stands open. */
export function Timeline({ projectId, current }: { projectId: string; current: CurrentRun | null }) {
  const runs = useQuery(runsQuery(projectId));
  const [all, setAll] = useState(false);
  const listed = (runs.data ?? []).toSorted(byNewest);
  const shown = all ? listed : listed.slice(0, SHOWN);
  return (
    <Panel
      title="Steps"
      aside={listed.length > 0 && <span className="text-sm text-ink-soft">{count(listed.length, "run")}</span>}
    >
      {runs.isError && (
        <div className="p-4">
          <Failed failure={runs.error} retry={() => void runs.refetch()} />
        </div>
      )}
      {runs.isPending && (
        <div className="space-y-2 p-4" role="status" aria-label="Loading steps">
          {[0, 1, 2, 3].map((index) => (
            <Skeleton key={index} className="h-12" />
          ))}
        </div>
      )}
      {runs.isSuccess && listed.length === 0 && (
        <p className="p-4 text-ink-soft">Nothing was done yet. Photos come first; then the first model is made of them.</p>
      )}
      <ol className="divide-y divide-line">
        {shown.map((run) => (
          <RunEntry
            key={run.id}
            run={current?.run_id === run.id ? asOfNow(run, current) : run}
            current={current?.run_id === run.id ? current : null}
            last={listed[0]?.id === run.id}
            newest={listed.find((other) => other.step === run.step)?.id === run.id}
          />
        ))}
      </ol>
      {listed.length > shown.length && (
        <div className="border-t border-line p-2">
          <Button tone="quiet" size="sm" className="w-full" onClick={() => setAll(true)}>
            Show {count(listed.length - shown.length, "earlier run")}
          </Button>
        </div>
      )}
    </Panel>
  );
}

function byNewest(a: Run, b: Run): number {
  return Date.parse(b.queued_at) - Date.parse(a.queued_at);
}

/** The run with what has been told live since the list was read. */
export function asOfNow(run: Run, current: CurrentRun): Run {
  if (run.finished_at !== null) return run;
  return {
    ...run,
    status: current.status,
    stage: current.stage,
    progress_percentage: current.progress_percentage,
    message: current.message,
    started_at: run.started_at ?? current.started_at,
    cancel_requested_at: run.cancel_requested_at ?? (current.cancel_requested ? current.queued_at : null),
  };
}
