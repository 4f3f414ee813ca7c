import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { retryRun, type Run } from "@/api/connection";
import { keys } from "@/api/keys";
import { runsQuery } from "@/api/queries";
import { Link } from "@/app/navigation";
import { Button, buttonLook } from "@/ui/button";
import { IconRetry, IconWarning } from "@/ui/icons";
import { Failed } from "@/ui/states";

import { STEPS } from "./steps";

/** The newest run where it failed: at which stage, why, and what to do. */
export function FailedRun({ projectId }: { projectId: string }) {
  const queries = useQueryClient();
  const runs = useQuery(runsQuery(projectId));
  const retry = useMutation({
    mutationFn: (run: Run) => retryRun({ path: { run_id: run.id } }),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.project(projectId) }),
  });
  const run = newestFailed(runs.data ?? []);
  if (!run?.error) return null;
  const { code, message, suggestion } = run.error as Record<string, string | undefined>;
  return (
    <section role="alert" aria-label={`${STEPS[run.step].name} failed`} className="space-y-3 rounded-xl border border-bad/40 bg-bad-soft p-4">
      <div className="flex gap-3">
        <IconWarning className="mt-0.5 size-5 text-bad" />
        <div className="min-w-0 grow space-y-1">
          <h2 className="text-base">
            {STEPS[run.step].name} failed{run.stage ? ` at “${run.stage}”` : ""}
          </h2>
          <p>{message}</p>
          {suggestion && (
            <p className="text-sm">
              <span className="font-medium">What to do: </span>
              {suggestion}
            </p>
          )}
          <p className="font-mono text-xs text-ink-soft">{code}</p>
        </div>
      </div>
      {retry.isError && <Failed failure={retry.error} />}
      <div className="flex flex-wrap justify-end gap-2">
        <Link to={`/projects/${projectId}/upload`} className={buttonLook("plain", "sm")}>
          Add photos
        </Link>
        {run.step !== "upload" && (
          <Button size="sm" tone="primary" busy={retry.isPending} onClick={() => retry.mutate(run)}>
            <IconRetry /> Try again
          </Button>
        )}
      </div>
    </section>
  );
}

/** The newest run that has ended, where that one failed. */
export function newestFailed(runs: readonly Run[]): Run | null {
  const ended = runs.filter((run) => run.finished_at !== null);
  const newest = ended.toSorted((a, b) => Date.parse(b.finished_at ?? "") - Date.parse(a.finished_at ?? ""))[0];
  return newest?.status === "failed" ? newest : null;
}
