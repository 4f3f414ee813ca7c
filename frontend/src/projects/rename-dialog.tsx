import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { changeProject } from "@/api/connection";
import { keys } from "@/api/keys";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { Failed } from "@/ui/states";

const LONGEST = 200;

export function RenameDialog({ project, onClose }: { project: { id: string; name: string }; onClose: () => void }) {
  const [name, setName] = useState(project.name);
  const queries = useQueryClient();
  const rename = useMutation({
    mutationFn: () => changeProject({ path: { project_id: project.id }, body: { name } }),
    onSuccess: async () => {
      await Promise.all([
        queries.invalidateQueries({ queryKey: keys.projects }),
        queries.invalidateQueries({ queryKey: keys.project(project.id) }),
      ]);
      onClose();
    },
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Rename the project">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate();
        }}
      >
        <TextField label="Name" value={name} maxLength={LONGEST} required onChange={(event) => setName(event.target.value)} />
        {rename.isError && <Failed failure={rename.error} />}
        <DialogActions>
          <Button onClick={onClose}>Keep the old name</Button>
          <Button type="submit" tone="primary" busy={rename.isPending} disabled={!name.trim()}>
            Rename
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
