import { useQuery } from "@tanstack/react-query";

import type { Health } from "@/api/connection";
import { healthQuery } from "@/api/queries";
import { CheckField, SelectField } from "@/ui/field";

export interface EngineChoice {
  /** "" is Maquette's own. */
  engine: string;
  fallback: boolean;
}

export const OURS: EngineChoice = { engine: "", fallback: false };

interface EngineFieldProps {
  step: "generate" | "refine";
  value: EngineChoice;
  onChange: (choice: EngineChoice) => void;
}

/** Another program that can do the work; nothing where this server has none. */
export function EngineField({ step, value, onChange }: EngineFieldProps) {
  const { data } = useQuery(healthQuery);
  const offered = offeredFor(step, data);
  if (!offered.length) return null;
  const chosen = offered.find((engine) => engine.name === value.engine);
  return (
    <>
      <SelectField
        label="Made by"
        hint={chosen?.description ?? "Another program may do it, set up by whoever runs this server."}
        value={value.engine}
        onChange={(event) => onChange({ ...value, engine: event.target.value })}
      >
        <option value="">Maquette</option>
        {offered.map((engine) => (
          <option key={engine.name} value={engine.name}>
            {engine.name}
          </option>
        ))}
      </SelectField>
      {chosen && (
        <CheckField
          label="Let Maquette do it where that fails"
          hint="The result then says so, and why."
          checked={value.fallback}
          onChange={(fallback) => onChange({ ...value, fallback })}
        />
      )}
    </>
  );
}

export function offeredFor(step: "generate" | "refine", health: Pick<Health, "engines"> | undefined): Health["engines"] {
  return (health?.engines ?? []).filter((engine) => engine.available && engine.steps.includes(step));
}

/** Only what was chosen. */
export function engineParameters<Name extends string>({ engine, fallback }: EngineChoice): { engine?: Name; engine_fallback?: true } {
  // The server listed the name, and says so where it does not know it any more.
  return engine ? { engine: engine as Name, ...(fallback ? { engine_fallback: true } : {}) } : {};
}
