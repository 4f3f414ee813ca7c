import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Comparison as Compared, Change, Model } from "@/api/connection";
import { keys } from "@/api/keys";
import { bytes, duration } from "@/ui/format";
import { Failed, Skeleton } from "@/ui/states";

import { BeforeAfter } from "../pictures/before-after";
import { loadNamed, PrivatePicture } from "../pictures/private-picture";
import { comparisonQuery } from "../queries";
import { TERMS, valueOf, type Term } from "../quality/series";

interface ComparisonProps {
  projectId: string;
  models: readonly Model[];
  a: number | null;
  b: number;
  onChoose: (a: number, b: number) => void;
}

/** Two versions, number by number and picture by picture. */
export function Comparison({ projectId, models, a, b, onChoose }: ComparisonProps) {
  const other = a ?? models.find((model) => model.version !== b)?.version ?? b;
  const compared = useQuery(comparisonQuery(projectId, other, b));
  return (
    <section className="@container space-y-4" aria-label="Comparison">
      <div className="flex flex-wrap items-center gap-2">
        <h3 className="text-base">Compare</h3>
        <VersionSelect label="The first version" models={models} value={other} not={b} onChange={(version) => onChoose(version, b)} />
        <span className="text-ink-soft">with</span>
        <VersionSelect label="The second version" models={models} value={b} not={other} onChange={(version) => onChoose(other, version)} />
      </div>
      {compared.isPending && <Skeleton className="h-56" />}
      {compared.isError && <Failed failure={compared.error} retry={() => void compared.refetch()} />}
      {compared.data && (
        <div className="grid items-start gap-5 @4xl:grid-cols-[minmax(0,24rem)_minmax(0,1fr)]">
          <Numbers compared={compared.data} />
          <Pictures compared={compared.data} projectId={projectId} />
        </div>
      )}
    </section>
  );
}

interface VersionSelectProps {
  label: string;
  models: readonly Model[];
  value: number;
  not: number;
  onChange: (version: number) => void;
}

function VersionSelect({ label, models, value, not, onChange }: VersionSelectProps) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(Number(event.target.value))}
      className="h-9 rounded-md border border-line-strong bg-surface px-2 text-sm"
    >
      {models
        .toSorted((one, two) => two.version - one.version)
        .map(({ version, promoted }) => (
          <option key={version} value={version} disabled={version === not}>
            Version {version}
            {promoted ? " (promoted)" : ""}
          </option>
        ))}
    </select>
  );
}

function Numbers({ compared }: { compared: Compared }) {
  const { a, b, held_out: heldOut, training } = compared;
  const rows: { name: string; a: string; b: string; change: string; good: boolean | null }[] = [];
  for (const [split, name] of [
    [heldOut, "held out"],
    [training, "training"],
  ] as const) {
    for (const term of Object.keys(TERMS) as Term[]) {
      const change = split.mean?.[term];
      if (change) rows.push({ name: `${TERMS[term].name}, ${name}`, ...told(change, term) });
    }
  }
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-surface">
      <table className="w-full text-sm">
        <thead className="bg-raised">
          <tr className="*:px-3 *:py-2 *:font-medium">
            <th scope="col" className="text-left">
              <span className="sr-only">Measure</span>
            </th>
            <th scope="col" className="text-right">v{a.version}</th>
            <th scope="col" className="text-right">v{b.version}</th>
            <th scope="col" className="text-right">Change</th>
          </tr>
        </thead>
        <tbody className="divide-y divide-line *:*:px-3 *:*:py-1.5">
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row" className="text-left font-normal text-ink-soft">{row.name}</th>
              <td className="text-right whitespace-nowrap">{row.a}</td>
              <td className="text-right whitespace-nowrap">{row.b}</td>
              <td className={`text-right whitespace-nowrap ${row.good === null ? "text-ink-soft" : row.good ? "text-good" : "text-bad"}`}>{row.change}</td>
            </tr>
          ))}
          <tr>
            <th scope="row" className="text-left font-normal text-ink-soft">Gaussians</th>
            <td className="text-right">{a.num_gaussians.toLocaleString("en")}</td>
            <td className="text-right">{b.num_gaussians.toLocaleString("en")}</td>
            <td className="text-right text-ink-soft">{signed(b.num_gaussians - a.num_gaussians, 0)}</td>
          </tr>
          <tr>
            <th scope="row" className="text-left font-normal text-ink-soft">Size</th>
            <td className="text-right">{bytes(a.bytes)}</td>
            <td className="text-right">{bytes(b.bytes)}</td>
            <td className="text-right text-ink-soft">{signed((b.bytes - a.bytes) / 1e6, 2)} MB</td>
          </tr>
          <tr>
            <th scope="row" className="text-left font-normal text-ink-soft">Training</th>
            <td className="text-right">{a.seconds === null ? "–" : duration(a.seconds)}</td>
            <td className="text-right">{b.seconds === null ? "–" : duration(b.seconds)}</td>
            <td className="text-right text-ink-soft">{a.seconds === null || b.seconds === null ? "–" : `${signed(b.seconds - a.seconds, 0)} s`}</td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}

export function told(change: Change, term: Term): { a: string; b: string; change: string; good: boolean | null } {
  const { digits, better } = TERMS[term];
  const zero = Math.abs(change.difference) < 0.5 * 10 ** -digits;
  return {
    a: valueOf(change.a, term),
    b: valueOf(change.b, term),
    change: signed(change.difference, digits),
    good: zero ? null : change.difference > 0 === (better === "more"),
  };
}

function signed(value: number, digits: number): string {
  const text = Math.abs(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (Number(text.replaceAll(",", "")) === 0) return "±0";
  return `${value > 0 ? "+" : "−"}${text}`;
}

type Way = "versions" | "photo" | "error";

function Pictures({ compared, projectId }: { compared: Compared; projectId: string }) {
  const [name, setName] = useState<string | null>(null);
  const [way, setWay] = useState<Way>("versions");
  const [ratio, setRatio] = useState<{ ratio: number; width: number }>({ ratio: 4 / 3, width: 480 });
  const pair = compared.pictures.find((one) => one.name === name) ?? compared.pictures[0];
  if (!pair) return <p className="text-ink-soft">Both have no photo of the evaluation set in common, so there are no pictures to lay side by side.</p>;
  const picture = (side: "a" | "b", kind: "render" | "error") => (
    <PrivatePicture
      key={`${side}-${kind}-${pair.name}`}
      name={[...keys.project(projectId), "compared", kind, compared[side].version, pair.name]}
      load={loadNamed(kind === "render" ? pair[side].render_url : pair[side].error_url)}
      alt={`Version ${compared[side].version}${kind === "error" ? ", difference from the photo" : ""}`}
    />
  );
  const names = { a: `Version ${compared.a.version}`, b: `Version ${compared.b.version}` };
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap gap-2">
        <select
          aria-label="Photo"
          value={pair.name}
          onChange={(event) => setName(event.target.value)}
          className="h-9 rounded-md border border-line-strong bg-surface px-2 text-sm"
        >
          {compared.pictures.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
        <select
          aria-label="What is laid side by side"
          value={way}
          onChange={(event) => setWay(event.target.value as Way)}
          className="h-9 rounded-md border border-line-strong bg-surface px-2 text-sm"
        >
          <option value="versions">Version against version</option>
          <option value="photo">Photo against {names.b.toLowerCase()}</option>
          <option value="error">Differences from the photo</option>
        </select>
      </div>
      {/* Its shape is the photo's; read from the photo itself, which the page shows anyway. */}
      {pair.b.photo_url && (
        <img
          src={pair.b.photo_url}
          alt=""
          className="hidden"
          onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => setRatio({ ratio: naturalWidth / naturalHeight, width: naturalWidth })}
        />
      )}
      <BeforeAfter
        key={way}
        ratio={ratio.ratio}
        width={ratio.width}
        beforeName={way === "photo" ? "Photo" : names.a}
        afterName={names.b}
        before={way === "photo" ? <img src={pair.b.photo_url ?? undefined} alt={pair.name} /> : picture("a", way === "error" ? "error" : "render")}
        after={picture("b", way === "error" ? "error" : "render")}
      />
      <p className="text-sm text-ink-soft">
        From where {pair.name} was taken, which neither has learnt from. Move the handle, by mouse, finger or arrow keys.
      </p>
    </div>
  );
}
