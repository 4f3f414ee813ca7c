import { useState } from "react";

import { generate } from "@/api/connection";

import { PresetChoice, type Preset } from "./presets";
import { StepDialog } from "./step-dialog";

export function GenerateDialog({ projectId, onClose }: { projectId: string; onClose: () => void }) {
  const [preset, setPreset] = useState<Preset>("balanced");
  return (
    <StepDialog
      projectId={projectId}
      title="Make the model"
      text="Finds where each photo was taken, measures depth, and trains a first version."
      does="Make the model"
      call={(key) => generate({ path: { project_id: projectId }, body: { preset }, headers: { "Idempotency-Key": key } })}
      onClose={onClose}
    >
      <PresetChoice value={preset} onChange={setPreset} />
    </StepDialog>
  );
}
