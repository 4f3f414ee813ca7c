import { TextField } from "@/ui/field";

import { fault, type Bounds } from "./fields";

interface NumberFieldProps {
  label: string;
  hint: string;
  bounds: Bounds;
  value: string;
  onChange: (text: string) => void;
  /** Fractions are meant as well. */
  fraction?: boolean;
}

/** A number that may be left to the server. */
export function NumberField({ label, hint, bounds, value, onChange, fraction = false }: NumberFieldProps) {
  return (
    <TextField
      label={label}
      hint={hint}
      inputMode={fraction ? "decimal" : "numeric"}
      placeholder={bounds.usual === null ? "automatic" : String(bounds.usual)}
      value={value}
      error={fault(value, bounds, !fraction)}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
