import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, type ReactNode } from "react";

import { keys } from "@/api/keys";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Failed } from "@/ui/states";
import { toast } from "@/ui/toast";

interface StepDialogProps {
  projectId: string;
  title: string;
  text: string;
  /** What the button says. */
  does: string;
  /** Calls the step; the key makes a second click harmless. */
  call: (idempotencyKey: string) => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

/** The form of a step: its parameters, and the button that puts it in line. */
export function StepDialog({ projectId, title, text, does, call, onClose, children }: StepDialogProps) {
  const queries = useQueryClient();
  const key = useRef(crypto.randomUUID());
  const begin = useMutation({
    mutationFn: () => call(key.current),
    onError: () => {
      // Refused with these parameters: with others it is another call.
      key.current = crypto.randomUUID();
    },
    onSuccess: async (answer) => {
      if ((answer as { reused?: boolean }).reused) toast("This had been made before with the same settings: nothing was done again.");
      await queries.invalidateQueries({ queryKey: keys.project(projectId) });
      onClose();
    },
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title} text={text}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate();
        }}
      >
        {children}
        {begin.isError && <Failed failure={begin.error} />}
        <DialogActions>
          <Button onClick={onClose}>Not now</Button>
          <Button type="submit" tone="primary" busy={begin.isPending}>
            {does}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
