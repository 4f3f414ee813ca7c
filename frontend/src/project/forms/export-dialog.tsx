import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { export_ as exportModel, type ModelSummary } from "@/api/connection";
import { formatsQuery } from "@/api/queries";
import { CheckField, SelectField } from "@/ui/field";
import { Failed } from "@/ui/states";

import { StepDialog } from "./step-dialog";
import { VersionField } from "./version-field";

interface ExportDialogProps {
  projectId: string;
  models: readonly ModelSummary[];
  onClose: () => void;
}

export function ExportDialog({ projectId, models, onClose }: ExportDialogProps) {
  const formats = useQuery(formatsQuery);
  const [name, setName] = useState("ply");
  const [optimize, setOptimize] = useState(false);
  const [version, setVersion] = useState<number | null>(null);
  const format = formats.data?.items.find((one) => one.name === name);
  return (
    <StepDialog
      projectId={projectId}
      title="Export a file"
      text="Stands upright as the programs that open it expect. A mesh is made once, which takes minutes."
      does="Export"
      call={(key) =>
        exportModel({
          path: { project_id: projectId },
          body: { format: name, optimize: optimize && Boolean(format?.optimizations.length), version },
          headers: { "Idempotency-Key": key },
        })
      }
      onClose={onClose}
    >
      {formats.isError && <Failed failure={formats.error} retry={() => void formats.refetch()} />}
      <SelectField
        label="Format"
        value={name}
        onChange={(event) => setName(event.target.value)}
        hint={
          format && (
            <>
              {format.description} Opens in {format.opens_in.join(", ")}.
            </>
          )
        }
      >
        {formats.data?.items.map((one) => (
          <option key={one.name} value={one.name} disabled={Boolean(one.extra)}>
            {one.name} ({one.kind}){one.extra ? ` – needs the extra ${one.extra}` : ""}
          </option>
        ))}
      </SelectField>
      <VersionField label="Of" models={models} value={version} onChange={setVersion} />
      {Boolean(format?.optimizations.length) && (
        <CheckField
          label="Make it smaller"
          hint="As far as photos hardly show it: at most 0.3 dB, measured and told."
          checked={optimize}
          onChange={setOptimize}
        />
      )}
    </StepDialog>
  );
}
