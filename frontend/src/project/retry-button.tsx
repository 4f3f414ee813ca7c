import { useMutation, useQueryClient } from "@tanstack/react-query";

import { retryRun, type Run } from "@/api/connection";
import { keys } from "@/api/keys";
import { Button } from "@/ui/button";
import { IconPlay, IconRetry } from "@/ui/icons";
import { toastFailure } from "@/ui/toast";

/** A new run with the same parameters; it goes on from what this one has finished. */
export function RetryButton({ run }: { run: Run }) {
  const queries = useQueryClient();
  const again = useMutation({
    // One more click, or a lost answer, is the same call.
    mutationFn: () => retryRun({ path: { run_id: run.id }, headers: { "idempotency-key": `retry-${run.id}` } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.project(run.project_id) }),
    onError: toastFailure,
  });
  return (
    <Button size="sm" tone="primary" busy={again.isPending} onClick={() => again.mutate()}>
      {run.status === "cancelled" ? <IconPlay /> : <IconRetry />}
      {run.status === "cancelled" ? "Resume" : "Try again"}
    </Button>
  );
}
