import { useQuery } from "@tanstack/react-query";

import type { Run } from "@/api/connection";
import { modelsQuery } from "@/api/queries";
import { Badge } from "@/ui/badge";
import { decibels } from "@/ui/format";

import { iterationsQuery } from "./queries";

/** The rounds of a refine as they come: what each gained, and the newest version beside the photos it is held against. */
export function Rounds({ run }: { run: Run }) {
  const rounds = useQuery(iterationsQuery(run.project_id));
  const models = useQuery(modelsQuery(run.project_id));
  const own = (rounds.data ?? []).filter((round) => round.run_id === run.id);
  const made = (models.data ?? []).filter((model) => model.run_id === run.id);
  const newest = made.at(-1);
  if (own.length === 0 && !newest) return null;
  const psnr = new Map(made.map((model) => [model.version, model.psnr]));
  return (
    <div className="space-y-2">
      <ol className="divide-y divide-line text-sm">
        {own.map((round) => (
          <li key={round.id} className="flex flex-wrap items-center justify-between gap-x-3 py-1">
            <span>
              Round {round.iteration}: version {round.version} {round.promoted && <Badge tone="accent">Promoted</Badge>}
            </span>
            <span className="text-ink-soft">
              {decibels(psnr.get(round.version))} · {gain(round.relative_gain)}
            </span>
          </li>
        ))}
      </ol>
      {run.status === "running" && newest?.preview_url && (
        <figure>
          <img src={newest.preview_url} alt={`Photos beside version ${newest.version}`} className="aspect-4/3 w-full rounded-md bg-black object-contain" />
          <figcaption className="pt-1 text-xs text-ink-soft">Photos beside version {newest.version}, the newest of this run</figcaption>
        </figure>
      )}
    </div>
  );
}

/** A round's relative gain of overall quality. */
export function gain(relative: number): string {
  const percent = 100 * relative;
  if (Math.abs(percent) < 0.05) return "no change";
  return `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(1)} %`;
}
