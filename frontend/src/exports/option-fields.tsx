import type { FormatShape, ModelSummary } from "@/api/connection";
import { CheckField, SelectField, TextField } from "@/ui/field";
import { decibels } from "@/ui/format";

import { applies, problemsOf, type Wanted } from "./options";

interface OptionFieldsProps {
  format: FormatShape;
  models: readonly ModelSummary[];
  wanted: Wanted;
  onChange: (wanted: Wanted) => void;
}

const SMALLER: Record<string, string> = {
  prune: "leaves out what shows least",
  lower_sh: "simplifies how colours change with the view",
  decimate: "halves the triangles",
  compress_texture: "compresses the texture",
};
const SIDES = ["from x", "from y", "from z", "to x", "to y", "to z"];

/** The options of one format; the rarer ones are folded away. */
export function OptionFields({ format, models, wanted, onChange }: OptionFieldsProps) {
  const can = applies(format);
  const problems = problemsOf(wanted, format);
  const change = (news: Partial<Wanted>) => onChange({ ...wanted, ...news });
  const does = format.optimizations.map((name) => SMALLER[name] ?? name.replaceAll("_", " ")).join(", ");
  return (
    <div className="space-y-3">
      <div className="grid gap-3 sm:grid-cols-2">
        {!can.light && (
          <SelectField
            label="Version"
            value={wanted.version ?? ""}
            onChange={(event) => change({ version: event.target.value === "" ? null : Number(event.target.value) })}
          >
            <option value="">The promoted one</option>
            {models.map((model) => (
              <option key={model.version} value={model.version}>
                Version {model.version} ({decibels(model.psnr)})
              </option>
            ))}
          </SelectField>
        )}
        {can.preset && (
          <SelectField
            label="Mesh"
            value={wanted.preset}
            onChange={(event) => change({ preset: event.target.value as Wanted["preset"] })}
          >
            <option value="">As the version was made</option>
            <option value="fastest">Fastest: 30,000 triangles, 1024 px texture</option>
            <option value="balanced">Balanced: 80,000 triangles, 2048 px</option>
            <option value="quality">Quality: 150,000 triangles, 4096 px</option>
          </SelectField>
        )}
      </div>
      {can.optimize && (
        <CheckField
          label="Make it smaller"
          hint={`At most 0.3 dB, measured and told afterwards: ${does}.`}
          checked={wanted.optimize}
          onChange={(optimize) => change({ optimize })}
        />
      )}
      {can.light && (
        <CheckField
          label="Leave out intermediates"
          hint="Much smaller. What it is imported as can be seen and exported; refining needs another generate first."
          checked={wanted.light}
          onChange={(light) => change({ light })}
        />
      )}
      {can.placing && (
        <details className="rounded-lg border border-line px-4 py-3">
          <summary className="cursor-pointer text-sm font-medium">How it stands, and how much of it</summary>
          <div className="space-y-3 pt-3">
            <div className="grid gap-3 sm:grid-cols-3">
              <SelectField
                label="Up"
                value={wanted.upAxis}
                onChange={(event) => change({ upAxis: event.target.value as Wanted["upAxis"] })}
              >
                <option value="auto">As usual ({format.up_axis})</option>
                <option value="y">y</option>
                <option value="z">z</option>
                <option value="-y">-y</option>
                <option value="captured">As captured</option>
              </SelectField>
              <SelectField
                label="At 0, 0, 0"
                value={wanted.origin}
                onChange={(event) => change({ origin: event.target.value as Wanted["origin"] })}
              >
                <option value="captured">As captured</option>
                <option value="center">The middle</option>
                <option value="ground">The ground below it</option>
              </SelectField>
              <TextField
                label="Scale"
                inputMode="decimal"
                value={wanted.scale}
                error={problems.scale ?? null}
                onChange={(event) => change({ scale: event.target.value })}
              />
            </div>
            {can.filterFloaters && (
              <CheckField
                label="Leave out floaters"
                hint="What floats apart from the rest; sparse background goes with it."
                checked={wanted.filterFloaters}
                onChange={(filterFloaters) => change({ filterFloaters })}
              />
            )}
            <CheckField
              label="Crop to a box"
              hint="In the file's own frame and unit."
              checked={wanted.cropped}
              onChange={(cropped) => change({ cropped })}
            />
            {wanted.cropped && (
              <>
                <div className="grid grid-cols-3 gap-3">
                  {SIDES.map((side, index) => (
                    <TextField
                      key={side}
                      label={side}
                      inputMode="decimal"
                      value={wanted.crop[index] ?? ""}
                      onChange={(event) => change({ crop: wanted.crop.map((old, at) => (at === index ? event.target.value : old)) })}
                    />
                  ))}
                </div>
                {problems.crop && (
                  <p role="alert" className="text-sm text-bad">
                    {problems.crop}
                  </p>
                )}
              </>
            )}
          </div>
        </details>
      )}
    </div>
  );
}
