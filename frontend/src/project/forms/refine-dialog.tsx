import { useState } from "react";

import type { RefineParameters, Status } from "@/api/connection";
import { CheckField, SelectField, TextField } from "@/ui/field";

import { start, type StepCall } from "../queries";
import { EngineField, engineParameters, OURS, type EngineChoice } from "./engine-field";
import { Estimate } from "./estimate";
import { indices, REFINE, typed } from "./fields";
import { More } from "./more";
import { NumberField } from "./number-field";
import { StepDialog } from "./step-dialog";
import { VersionField } from "./version-field";

type Enhancement = NonNullable<RefineParameters["enhancement"]>;

const ENHANCEMENTS: Record<Enhancement, { name: string; says: string }> = {
  none: { name: "None", says: "Learns from the photos alone." },
  classical: { name: "Denoise and sharpen", says: "No neural model; works everywhere." },
  sdxl: { name: "SDXL", says: "A neural model that paints plausible detail. Needs its weights and a GPU." },
  fixer: { name: "Fixer", says: "A neural model made to mend renders. Needs its weights and a GPU." },
};
const NEURAL = new Set<string>(["sdxl", "fixer"]);

export const NOTHING = {
  num_iterations: "",
  learning_rate: "",
  views_to_refine: "",
  enhancement: "" as Enhancement | "",
  prompt: "",
  negative_prompt: "",
  strength: "",
  enhancement_steps: "",
  guidance: "",
  convergence_threshold: "",
  steps_per_iteration: "",
  seed: "",
};

interface RefineDialogProps {
  status: Status;
  /** The version to begin with; null: the promoted one. */
  from: number | null;
  onClose: () => void;
}

export function RefineDialog({ status, from, onClose }: RefineDialogProps) {
  const projectId = status.project.id;
  const [version, setVersion] = useState(from);
  const [given, setGiven] = useState(NOTHING);
  const [engine, setEngine] = useState(OURS);
  const [fresh, setFresh] = useState(false);
  const set = (name: keyof typeof NOTHING) => (text: string) => setGiven({ ...given, [name]: text });
  const call: StepCall = { step: "refine", body: parametersOf(version, given, engine) };
  const named = indices(given.views_to_refine);
  return (
    <StepDialog
      projectId={projectId}
      title="Refine the model"
      text="Each round makes a version of its own, measured on photos it has not seen. A round that gains nothing ends it, and no better version is replaced by a worse one."
      does="Refine"
      call={(key) => start(projectId, call, key, fresh)}
      onClose={onClose}
    >
      <VersionField label="Begin with" models={status.models} value={version} onChange={setVersion} />
      <div className="grid gap-4 sm:grid-cols-2">
        <NumberField label="Rounds at most" hint="Each takes about as long as the others." bounds={REFINE.num_iterations} value={given.num_iterations} onChange={set("num_iterations")} />
        <SelectField
          label="Enhance views"
          hint={given.enhancement ? ENHANCEMENTS[given.enhancement].says : "The best that this server has, else none."}
          value={given.enhancement}
          onChange={(event) => set("enhancement")(event.target.value)}
        >
          <option value="">Automatic</option>
          {Object.entries(ENHANCEMENTS).map(([value, { name }]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </SelectField>
      </div>
      {NEURAL.has(given.enhancement) && (
        <TextField
          label="What the photos show"
          hint="A few words, such as “a green plush frog on a shelf”."
          maxLength={1000}
          value={given.prompt}
          onChange={(event) => set("prompt")(event.target.value)}
        />
      )}
      {given.enhancement === "sdxl" && (
        <TextField label="What must not be shown" maxLength={1000} value={given.negative_prompt} onChange={(event) => set("negative_prompt")(event.target.value)} />
      )}
      <More label="More settings">
        <NumberField fraction label="Step size" hint="0.02 is twice as bold; above 0.03 a round usually makes it worse." bounds={REFINE.learning_rate} value={given.learning_rate} onChange={set("learning_rate")} />
        <NumberField label="Steps in a round" hint="By the model's preset where nothing is said." bounds={REFINE.steps_per_iteration} value={given.steps_per_iteration} onChange={set("steps_per_iteration")} />
        <NumberField fraction label="Stop under a gain of" hint="0.01 is one per cent of quality; 0 goes on with any gain." bounds={REFINE.convergence_threshold} value={given.convergence_threshold} onChange={set("convergence_threshold")} />
        <NumberField label="Seed" hint="The same seed repeats the same result." bounds={REFINE.seed} value={given.seed} onChange={set("seed")} />
        <TextField
          label="Views to mend"
          hint="Their numbers, such as 0, 3, 5-7. The worst four where nothing is said."
          placeholder="automatic"
          value={given.views_to_refine}
          error={named === null ? "Numbers with commas between them." : null}
          onChange={(event) => set("views_to_refine")(event.target.value)}
        />
        {given.enhancement !== "none" && (
          <NumberField fraction label="Strength" hint="How far an enhanced view may leave the render, up to 1." bounds={REFINE.strength} value={given.strength} onChange={set("strength")} />
        )}
        {NEURAL.has(given.enhancement) && (
          <>
            <NumberField label="Enhancement steps" hint="Length of the noise schedule." bounds={REFINE.enhancement_steps} value={given.enhancement_steps} onChange={set("enhancement_steps")} />
            <NumberField fraction label="Guidance" hint="How closely to keep to the words." bounds={REFINE.guidance} value={given.guidance} onChange={set("guidance")} />
          </>
        )}
        <EngineField step="refine" value={engine} onChange={setEngine} />
        <div className="sm:col-span-2">
          <CheckField label="Do it again even if it was done before" hint="Otherwise the same work is not repeated." checked={fresh} onChange={setFresh} />
        </div>
      </More>
      <Estimate projectId={projectId} call={call} />
    </StepDialog>
  );
}

/** Only what was said, and only what the chosen enhancement understands. */
export function parametersOf(version: number | null, given: typeof NOTHING, engine: EngineChoice = OURS): RefineParameters {
  const { enhancement, prompt, negative_prompt: negative, views_to_refine: views, enhancement_steps, guidance, strength, ...numbers } = given;
  const neural = NEURAL.has(enhancement);
  const texts = { ...numbers, ...(enhancement === "none" ? {} : { strength }), ...(neural ? { enhancement_steps, guidance } : {}) };
  const named = indices(views);
  return {
    ...Object.fromEntries(
      Object.entries(texts)
        .map(([name, text]) => [name, typed(text)] as const)
        .filter(([, value]) => value !== null),
    ),
    ...(version === null ? {} : { from_version: version }),
    ...(enhancement ? { enhancement } : {}),
    ...(neural && prompt.trim() ? { prompt: prompt.trim() } : {}),
    ...(enhancement === "sdxl" && negative.trim() ? { negative_prompt: negative.trim() } : {}),
    ...(named?.length ? { views_to_refine: named } : {}),
    ...engineParameters<NonNullable<RefineParameters["engine"]>>(engine),
  };
}
