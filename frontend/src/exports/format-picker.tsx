import { useId } from "react";

import type { FormatShape } from "@/api/connection";

import { grouped, USES } from "./uses";

interface FormatPickerProps {
  formats: readonly FormatShape[];
  chosen: string;
  onChoose: (name: string) => void;
}

/** The formats as radio buttons under what they are for; arrow keys go through all of them. */
export function FormatPicker({ formats, chosen, onChoose }: FormatPickerProps) {
  const group = useId();
  return (
    <fieldset className="space-y-3">
      <legend className="sr-only">Format</legend>
      {grouped(formats).map(({ use, formats: some }) => (
        <div key={use} role="group" aria-labelledby={`${group}-${use}`} className="sm:grid sm:grid-cols-[10rem_1fr] sm:gap-3">
          <h3 id={`${group}-${use}`} className="pb-1 text-sm font-medium sm:pt-1.5">
            {USES[use].title} <span className="block text-xs font-normal text-ink-soft">{USES[use].text}</span>
          </h3>
          <div className="flex flex-wrap content-start gap-1.5">
            {some.map((format) => (
              <label
                key={format.name}
                title={format.extra ? `This server needs pip install '${format.extra}' for it` : format.description}
                className="relative cursor-pointer rounded-md border border-line px-3 py-1.5 text-sm has-checked:border-accent has-checked:bg-accent-soft has-checked:text-accent-strong has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent has-disabled:cursor-not-allowed has-disabled:opacity-50"
              >
                <input
                  type="radio"
                  name={group}
                  value={format.name}
                  checked={format.name === chosen}
                  disabled={Boolean(format.extra)}
                  onChange={() => onChoose(format.name)}
                  className="absolute inset-0 cursor-pointer opacity-0"
                />
                <span className="font-medium">{format.extension}</span>
              </label>
            ))}
          </div>
        </div>
      ))}
    </fieldset>
  );
}
