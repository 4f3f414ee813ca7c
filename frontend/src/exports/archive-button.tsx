import { useMutation, useQueryClient } from "@tanstack/react-query";

import { download, type Accepted } from "@/api/connection";
import { keys } from "@/api/keys";
import { Button } from "@/ui/button";
import { IconFolder } from "@/ui/icons";
import { toast, toastFailure } from "@/ui/toast";

interface ArchiveButtonProps {
  projectId: string;
  name: string;
  onBegun: (runId: string) => void;
}

/** Mesh, texture, pictures and report of the promoted version as one archive. */
export function ArchiveButton({ projectId, name, onBegun }: ArchiveButtonProps) {
  const queries = useQueryClient();
  const fetching = useMutation({
    // Fetched rather than linked to: a link could not bring a key along.
    mutationFn: () => download({ path: { project_id: projectId }, query: { wait: 0 } }) as Promise<Blob | Accepted>,
    onError: toastFailure,
    onSuccess: async (answer) => {
      if (answer instanceof Blob) {
        save(answer, `${name}.zip`);
        return;
      }
      onBegun(answer.run_id);
      toast("The mesh for the archive is being made, which takes minutes. Press again when it is done.");
      await queries.invalidateQueries({ queryKey: keys.project(projectId) });
    },
  });
  return (
    <Button size="sm" busy={fetching.isPending} onClick={() => fetching.mutate()} title="Mesh, texture, pictures and report of the promoted version">
      {!fetching.isPending && <IconFolder />} Mesh and pictures as a ZIP
    </Button>
  );
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
