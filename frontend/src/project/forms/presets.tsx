import type { GenerateParameters } from "@/api/connection";

export type Preset = NonNullable<GenerateParameters["preset"]>;

const PRESETS: Record<Preset, { name: string; text: string }> = {
  fastest: { name: "First look", text: "A minute or two of training: shows whether the photos are enough." },
  balanced: { name: "Balanced", text: "What most people want: fine detail in reasonable time." },
  quality: { name: "Best quality", text: "All that the photos give; several times as long." },
};

/** How long to train, as three cards to choose from. */
export function PresetChoice({ value, onChange }: { value: Preset; onChange: (preset: Preset) => void }) {
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm font-medium">How long to train</legend>
      {Object.entries(PRESETS).map(([preset, { name, text }]) => (
        <label
          key={preset}
          className="flex cursor-pointer items-start gap-3 rounded-lg border border-line p-3 has-checked:border-accent has-checked:bg-accent-soft"
        >
          <input
            type="radio"
            name="preset"
            aria-label={name}
            checked={preset === value}
            onChange={() => onChange(preset as Preset)}
            className="mt-1 accent-accent"
          />
          <span>
            <span className="block font-medium">{name}</span>
            <span className="block text-sm text-ink-soft">{text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
