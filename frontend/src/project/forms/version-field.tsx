import type { ModelSummary } from "@/api/connection";
import { SelectField } from "@/ui/field";
import { decibels } from "@/ui/format";

interface VersionFieldProps {
  label: string;
  models: readonly ModelSummary[];
  /** Null: the promoted one, whichever that is when the step begins. */
  value: number | null;
  onChange: (version: number | null) => void;
}

export function VersionField({ label, models, value, onChange }: VersionFieldProps) {
  return (
    <SelectField
      label={label}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value === "" ? null : Number(event.target.value))}
    >
      <option value="">The promoted version</option>
      {models.map((model) => (
        <option key={model.version} value={model.version}>
          Version {model.version} ({decibels(model.psnr)})
        </option>
      ))}
    </SelectField>
  );
}
