import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { CurrentRun, Run } from "@/api/connection";
import { Link } from "@/app/navigation";
import { Button, buttonLook } from "@/ui/button";
import { IconFile, IconStop, IconUpload } from "@/ui/icons";
import { Words } from "@/ui/words";

import { CancelDialog } from "./cancel-dialog";
import { LivePreview } from "./live-preview";
import { LogTail } from "./log-tail";
import { Findings, findingsOf } from "./notice";
import { Outcome } from "./outcome";
import { eventsQuery } from "./queries";
import { RetryButton } from "./retry-button";
import { Rounds } from "./rounds";
import { StageList } from "./stage-list";
import { stagesOf } from "./stages";
import { Waiting } from "./waiting";

interface RunBodyProps {
  run: Run;
  current: CurrentRun | null;
  newest: boolean;
  now: number;
}

export function RunBody({ run, current, newest, now }: RunBodyProps) {
  const [cancelling, setCancelling] = useState(false);
  const [logging, setLogging] = useState(false);
  const unfinished = run.status === "queued" || run.status === "running";
  // What a stage took is noted at the end; until then the history tells when each began.
  const events = useQuery({ ...eventsQuery(run.project_id), enabled: run.status !== "completed" });
  const { refetch } = events;
  useEffect(() => {
    // A new stage has begun, and the history knows since when.
    if (run.status === "running" && run.stage) void refetch();
  }, [run.status, run.stage, refetch]);
  const trains = run.step === "generate" || run.step === "refine";
  const error = run.error as { code?: string; message?: string; suggestion?: string } | null;
  return (
    <div className="space-y-3 px-4 pb-4">
      {unfinished && <Waiting run={run} current={current} />}
      {/* Above the stages, whose words take more lines and fewer as they go on. */}
      {trains && run.status !== "queued" && run.status !== "completed" && <LivePreview run={run} />}
      {run.status !== "queued" && run.step !== "upload" && (
        <StageList stages={stagesOf(run, events.data)} run={run} now={now} />
      )}
      {run.step === "refine" && run.status !== "queued" && <Rounds run={run} />}
      {error && run.status === "failed" && (
        <div className="space-y-1 rounded-lg border border-bad/40 bg-bad-soft p-3 text-sm">
          <p className="font-medium wrap-anywhere">
            <Words text={error.message} />
          </p>
          {error.suggestion && (
            <p className="wrap-anywhere">
              <span className="font-medium">What to do: </span>
              <Words text={error.suggestion} />
            </p>
          )}
          <p className="font-mono text-xs text-ink-soft">{error.code}</p>
        </div>
      )}
      {run.status === "cancelled" && (
        <p className="text-sm text-ink-soft">It was cancelled. What it had finished is kept for when it is taken up again.</p>
      )}
      <Findings findings={findingsOf(run.warnings)} />
      {run.status === "completed" && <Outcome run={run} />}
      <div className="flex flex-wrap gap-2">
        {unfinished && (
          <Button size="sm" onClick={() => setCancelling(true)} disabled={run.cancel_requested_at !== null}>
            <IconStop /> {run.cancel_requested_at ? "Stopping …" : "Cancel"}
          </Button>
        )}
        {run.status === "failed" && run.step === "generate" && newest && (
          <Link to={`/projects/${run.project_id}/upload`} className={buttonLook("plain", "sm")}>
            <IconUpload /> Add photos
          </Link>
        )}
        {newest && (run.status === "failed" || run.status === "cancelled") && <RetryButton run={run} />}
        <Button size="sm" tone="quiet" aria-expanded={logging} onClick={() => setLogging(!logging)}>
          <IconFile /> {logging ? "Hide the log" : "Log"}
        </Button>
      </div>
      {logging && <LogTail run={run} />}
      {cancelling && <CancelDialog run={run} onClose={() => setCancelling(false)} />}
    </div>
  );
}
