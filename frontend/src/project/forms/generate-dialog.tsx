import { useState } from "react";

import type { GenerateParameters, Status } from "@/api/connection";
import { CheckField, TextField } from "@/ui/field";

import { start, type StepCall } from "../queries";
import { EngineField, engineParameters, OURS, type EngineChoice } from "./engine-field";
import { Estimate } from "./estimate";
import { GENERATE, typed } from "./fields";
import { More } from "./more";
import { NumberField } from "./number-field";
import { PresetChoice, type Preset } from "./presets";
import { StepDialog } from "./step-dialog";

const NOTHING = { iterations: "", max_gaussians: "", long_side: "", seed: "", num_views: "", view_method: "" };

/** The first model, or another one from the beginning. */
export function GenerateDialog({ status, onClose }: { status: Status; onClose: () => void }) {
  const projectId = status.project.id;
  const [preset, setPreset] = useState<Preset>("balanced");
  const [given, setGiven] = useState(NOTHING);
  const [engine, setEngine] = useState(OURS);
  const [fresh, setFresh] = useState(false);
  const set = (name: keyof typeof NOTHING) => (text: string) => setGiven({ ...given, [name]: text });
  const call: StepCall = { step: "generate", body: parametersOf(preset, given, engine) };
  return (
    <StepDialog
      projectId={projectId}
      title={status.models.length ? "Make the model anew" : "Make the model"}
      text="Finds where each photo was taken, measures depth, and trains a first version."
      does="Make the model"
      call={(key) => start(projectId, call, key, fresh)}
      onClose={onClose}
    >
      <PresetChoice value={preset} onChange={setPreset} />
      <More label="More settings">
        <NumberField label="Training steps" hint="Each sees one photo." bounds={GENERATE.iterations} value={given.iterations} onChange={set("iterations")} />
        <NumberField label="Gaussians at most" hint="How large the model may grow." bounds={GENERATE.max_gaussians} value={given.max_gaussians} onChange={set("max_gaussians")} />
        <NumberField label="Photos' long side, px" hint="Larger shows finer detail and takes longer." bounds={GENERATE.long_side} value={given.long_side} onChange={set("long_side")} />
        <NumberField label="Seed" hint="The same seed repeats the same result." bounds={GENERATE.seed} value={given.seed} onChange={set("seed")} />
        {status.usable_images === 1 && (
          <>
            <NumberField label="Views to make" hint="Of the single photo; 16 where nothing is said." bounds={GENERATE.num_views} value={given.num_views} onChange={set("num_views")} />
            <TextField
              label="View model"
              hint="By name; what is installed is used by itself."
              placeholder="automatic"
              value={given.view_method}
              onChange={(event) => set("view_method")(event.target.value)}
            />
          </>
        )}
        <EngineField step="generate" value={engine} onChange={setEngine} />
        <div className="sm:col-span-2">
          <CheckField label="Do it again even if it was done before" hint="Otherwise the same work is not repeated." checked={fresh} onChange={setFresh} />
        </div>
      </More>
      <Estimate projectId={projectId} call={call} />
    </StepDialog>
  );
}

/** Only what was said: everything else stays the server's choice. */
export function parametersOf(preset: Preset, given: typeof NOTHING, engine: EngineChoice = OURS): GenerateParameters {
  const { view_method, ...numbers } = given;
  return {
    preset,
    ...Object.fromEntries(
      Object.entries(numbers)
        .map(([name, text]) => [name, typed(text)] as const)
        .filter(([, value]) => value !== null),
    ),
    ...(view_method.trim() ? { view_method: view_method.trim() } : {}),
    ...engineParameters<NonNullable<GenerateParameters["engine"]>>(engine),
  };
}
