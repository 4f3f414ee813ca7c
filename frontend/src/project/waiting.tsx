import type { CurrentRun, Run } from "@/api/connection";
import { about } from "@/ui/format";

/** Where in line a run is and how long it takes, as far as anybody knows. */
export function Waiting({ run, current }: { run: Run; current: CurrentRun | null }) {
  if (run.status === "queued") {
    if (!current) return <p className="text-sm text-ink-soft">It waits for this project's run at work.</p>;
    const place = current.queue_position;
    return (
      <div className="space-y-0.5 text-sm">
        <p>
          {place !== null && place > 0 && <span className="font-medium">Number {place} in line. </span>}
          {current.waits_note}
        </p>
        <p className="text-ink-soft">{estimate(current)}</p>
      </div>
    );
  }
  return (
    <p className="flex justify-between gap-3 text-sm">
      <span>
        <span className="font-medium whitespace-nowrap">{Math.floor(run.progress_percentage)} %</span>
        {run.attempt > 1 && <span className="text-ink-soft"> · attempt {run.attempt}</span>}
      </span>
      <span className="text-right text-ink-soft">{current && estimate(current)}</span>
    </p>
  );
}

function estimate({ eta_s, eta_p90_s, starts_in_s, eta_note, status }: CurrentRun): string {
  const parts: string[] = [];
  if (status === "queued" && starts_in_s) parts.push(`Starts in ${about(starts_in_s)}`);
  if (eta_s !== null && eta_s !== undefined) parts.push(status === "queued" ? `done in ${about(eta_s)}` : `${about(eta_s)} left`);
  if (eta_p90_s) parts.push(`nine times in ten within ${about(eta_p90_s).replace("about ", "")}`);
  if (parts.length === 0) return eta_note ? `No estimate: ${eta_note}.` : "No estimate yet.";
  const sentence = parts.join(", ");
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
