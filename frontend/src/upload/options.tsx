import { CheckField, TextField } from "@/ui/field";

import type { Options as Chosen } from "./send";

interface OptionsProps {
  options: Chosen;
  onChange: (options: Chosen) => void;
  video: boolean;
}

export function Options({ options, onChange, video }: OptionsProps) {
  return (
    <details className="rounded-xl border border-line bg-surface p-4">
      <summary className="text-sm font-medium">Options</summary>
      <div className="mt-3 grid gap-4 sm:grid-cols-2">
        <CheckField
          label="Remove the background"
          hint="For a thing on a turntable or before a plain wall. A room or a garden needs its background."
          checked={options.remove_bg}
          onChange={(remove_bg) => onChange({ ...options, remove_bg })}
        />
        <CheckField
          label="Keep the photos’ own size"
          hint="Otherwise the long side becomes 1600 px, which is enough for most models."
          checked={options.original_resolution}
          onChange={(original_resolution) => onChange({ ...options, original_resolution })}
        />
        {video && (
          <TextField
            label="Frames to take out of the video"
            type="number"
            min={3}
            max={200}
            placeholder="40"
            hint="Sharp ones, well apart. Empty: as many as a balanced model needs."
            value={options.frames ?? ""}
            onChange={(event) => onChange({ ...options, frames: event.target.valueAsNumber || null })}
          />
        )}
      </div>
    </details>
  );
}
