import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { cancelRun } from "@/api/connection";
import { keys } from "@/api/keys";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Failed, Skeleton } from "@/ui/states";

interface CancelDialogProps {
  run: { id: string; project_id: string };
  onClose: () => void;
}

/** The first call says what would be lost; only the second one does it. */
export function CancelDialog({ run, onClose }: CancelDialogProps) {
  const queries = useQueryClient();
  const asked = useQuery({
    queryKey: [...keys.run(run.id), "cancel"],
    queryFn: () => cancelRun({ path: { run_id: run.id }, body: { confirm: false } }),
    gcTime: 0,
    staleTime: 0,
  });
  const cancel = useMutation({
    mutationFn: () => cancelRun({ path: { run_id: run.id }, body: { confirm: true } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.project(run.project_id) });
      onClose();
    },
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Cancel this run?">
      <div className="min-h-16 space-y-2">
        {asked.isPending && <Skeleton className="h-12" />}
        {asked.data && (
          <>
            <p>
              <span className="font-medium">Lost: </span>
              {asked.data.would_lose}
            </p>
            <p className="text-ink-soft">
              <span className="font-medium">Kept: </span>
              {asked.data.keeps}
            </p>
          </>
        )}
        {(asked.error ?? cancel.error) && <Failed failure={asked.error ?? cancel.error} />}
      </div>
      <DialogActions>
        <Button onClick={onClose}>Let it go on</Button>
        <Button tone="danger" disabled={!asked.data} busy={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel the run
        </Button>
      </DialogActions>
    </Dialog>
  );
}
