import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { export_ as exportModel, type Accepted, type ExportResult, type ModelSummary } from "@/api/connection";
import { keys } from "@/api/keys";
import { formatsQuery } from "@/api/queries";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Failed, Loading } from "@/ui/states";
import { toast } from "@/ui/toast";

import { FormatPicker } from "./format-picker";
import { OptionFields } from "./option-fields";
import { AS_USUAL, parametersOf, problemsOf, type Wanted } from "./options";
import { Rehearsal } from "./rehearsal";

interface ExportDialogProps {
  projectId: string;
  models: readonly ModelSummary[];
  /** What the form holds at first; the lossless PLY where it is left out. */
  first?: { format: string; wanted: Wanted };
  /** The run that makes the file, for whoever shows how it goes. */
  onBegun?: (runId: string) => void;
  onClose: () => void;
}

export function ExportDialog({ projectId, models, first, onBegun, onClose }: ExportDialogProps) {
  const queries = useQueryClient();
  const formats = useQuery(formatsQuery);
  const [name, setName] = useState(first?.format ?? "ply");
  const [wanted, setWanted] = useState(first?.wanted ?? AS_USUAL);
  const key = useRef(crypto.randomUUID());
  const format = formats.data?.items.find((one) => one.name === name);
  const wrong = format ? Object.keys(problemsOf(wanted, format)).length > 0 : true;

  const begin = useMutation({
    mutationFn: () => {
      if (!format) throw new Error("no format is chosen");
      return exportModel({
        path: { project_id: projectId },
        body: parametersOf(wanted, format),
        headers: { "Idempotency-Key": key.current },
      }) as Promise<Accepted | ExportResult>;
    },
    onSettled: () => {
      // With other options it is another call.
      key.current = crypto.randomUUID();
    },
    onSuccess: async (answer) => {
      if (answer.status === "completed") toast("This file had been made before with the same options: it is in the list.");
      onBegun?.(answer.run_id);
      await queries.invalidateQueries({ queryKey: keys.project(projectId) });
      onClose();
    },
  });

  return (
    <Dialog open wide onOpenChange={(open) => !open && onClose()} title="Make a file to take away">
      {formats.isError && <Failed failure={formats.error} retry={() => void formats.refetch()} />}
      {formats.isPending && <Loading label="Fetching the formats" />}
      {formats.data && (
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault();
            begin.mutate();
          }}
        >
          <FormatPicker formats={formats.data.items} chosen={name} onChoose={setName} />
          {format && (
            <>
              <div className="min-h-12 text-sm">
                <p>{format.description.replace(/ `[^`]*`/, " the API")}</p>
                <p className="text-ink-soft">Opens in {format.opens_in.join(", ")}.</p>
              </div>
              <OptionFields key={format.kind} format={format} models={models} wanted={wanted} onChange={setWanted} />
              {!wrong && <Rehearsal projectId={projectId} parameters={parametersOf(wanted, format)} />}
            </>
          )}
          {begin.isError && <Failed failure={begin.error} />}
          <DialogActions>
            <Button onClick={onClose}>Not now</Button>
            <Button type="submit" tone="primary" busy={begin.isPending} disabled={wrong}>
              Make the file
            </Button>
          </DialogActions>
        </form>
      )}
    </Dialog>
  );
}
