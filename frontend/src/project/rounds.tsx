import { useQuery } from "@tanstack/react-query";

import type { Run } from "@/api/connection";
import { modelsQuery } from "@/api/queries";
import { Badge } from "@/ui/badge";
import { decibels } from "@/ui/format";

import { iterationsQuery } from "./queries";

/** The rounds of a refine as they come, and what each gained. */
export function Rounds({ run }: { run: Run }) {
  const rounds = useQuery(iterationsQuery(run.project_id));
  const models = useQuery(modelsQuery(run.project_id));
  const own = (rounds.data ?? []).filter((round) => round.run_id === run.id);
  const made = (models.data ?? []).filter((model) => model.run_id === run.id);
  if (own.length === 0) return null;
  const psnr = new Map(made.map((model) => [model.version, model.psnr]));
  return (
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
  );
}

/** A round's relative gain of overall quality. */
export function gain(relative: number): string {
  const percent = 100 * relative;
  if (Math.abs(percent) < 0.05) return "no change";
  return `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(1)} %`;
}
