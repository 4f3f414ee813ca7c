import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { deleteProject } from "@/api/connection";
import { keys } from "@/api/keys";
import { statusQuery } from "@/api/queries";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { bytes, count } from "@/ui/format";
import { Failed } from "@/ui/states";
import { toast } from "@/ui/toast";

interface DeleteDialogProps {
  project: { id: string; name: string };
  onClose: () => void;
  onDeleted?: () => void;
}

/** Says what goes before it goes: nothing of it can be brought back. */
export function DeleteDialog({ project, onClose, onDeleted }: DeleteDialogProps) {
  const queries = useQueryClient();
  const { data } = useQuery(statusQuery(project.id));
  const remove = useMutation({
    mutationFn: () => deleteProject({ path: { project_id: project.id } }),
    onSuccess: async () => {
      toast(`“${project.name}” is deleted.`);
      onDeleted?.();
      onClose();
      await queries.invalidateQueries({ queryKey: keys.projects });
      queries.removeQueries({ queryKey: keys.project(project.id) });
    },
  });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Delete “${project.name}”?`}
      text="Everything in it goes, for good. Share links to it stop working."
    >
      <ul className="min-h-18 list-disc space-y-0.5 pl-5">
        {data && (
          <>
            <li>{count(data.images, "uploaded photo")}, with views, depth and checks</li>
            <li>{count(data.models.length, "model version")}, with exports and measurements</li>
            <li>{bytes(data.usage.stored_bytes)} of stored files</li>
          </>
        )}
      </ul>
      {remove.isError && <Failed failure={remove.error} />}
      <DialogActions>
        <Button onClick={onClose}>Keep it</Button>
        <Button tone="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          Delete for good
        </Button>
      </DialogActions>
    </Dialog>
  );
}
