import { useState } from "react";

import { refine, type ModelSummary } from "@/api/connection";
import { SelectField, TextField } from "@/ui/field";

import { StepDialog } from "./step-dialog";
import { VersionField } from "./version-field";

interface RefineDialogProps {
  projectId: string;
  models: readonly ModelSummary[];
  onClose: () => void;
}

const CAREFUL = { gentle: 0.005, usual: 0.01, bold: 0.02 };

export function RefineDialog({ projectId, models, onClose }: RefineDialogProps) {
  const [rounds, setRounds] = useState(3);
  const [care, setCare] = useState<keyof typeof CAREFUL>("usual");
  const [version, setVersion] = useState<number | null>(null);
  return (
    <StepDialog
      projectId={projectId}
      title="Refine the model"
      text="Each round makes a version of its own, measured on photos it has not seen. A round that gains nothing ends it, and no better version is ever replaced by a worse one."
      does="Refine"
      call={(key) =>
        refine({
          path: { project_id: projectId },
          body: { num_iterations: rounds, learning_rate: CAREFUL[care], from_version: version },
          headers: { "Idempotency-Key": key },
        })
      }
      onClose={onClose}
    >
      <VersionField label="Begin with" models={models} value={version} onChange={setVersion} />
      <TextField
        label="Rounds at most"
        type="number"
        min={1}
        max={50}
        required
        value={rounds}
        onChange={(event) => setRounds(event.target.valueAsNumber || 1)}
      />
      <SelectField
        label="Step size"
        hint="Bolder steps may find more, or make a round worse."
        value={care}
        onChange={(event) => setCare(event.target.value as keyof typeof CAREFUL)}
      >
        <option value="gentle">Gentle (half)</option>
        <option value="usual">Usual</option>
        <option value="bold">Bold (double)</option>
      </SelectField>
    </StepDialog>
  );
}
