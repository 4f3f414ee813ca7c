import { IconSearch } from "@/ui/icons";

import { SHOWN, type Shown } from "./states";

interface FiltersProps {
  typed: string;
  onType: (typed: string) => void;
  shown: Shown;
  onShow: (shown: Shown) => void;
}

export function Filters({ typed, onType, shown, onShow }: FiltersProps) {
  return (
    <search className="flex w-full flex-wrap gap-2 sm:w-auto">
      <label className="relative w-0 min-w-40 grow sm:w-64">
        <span className="sr-only">Search projects by name</span>
        <IconSearch className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-ink-soft" />
        <input
          type="search"
          value={typed}
          onChange={(event) => onType(event.target.value)}
          placeholder="Search by name"
          className="h-9 w-full rounded-md border border-line-strong bg-surface pr-3 pl-9 text-sm"
        />
      </label>
      <label>
        <span className="sr-only">Show projects in state</span>
        <select
          value={shown}
          onChange={(event) => onShow(event.target.value as Shown)}
          className="h-9 rounded-md border border-line-strong bg-surface px-2 text-sm"
        >
          {Object.entries(SHOWN).map(([value, { label }]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}
