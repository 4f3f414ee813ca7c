import type { CurrentRun, Run } from "@/api/connection";
import { ApiFailure } from "@/api/failure";
import { about } from "@/ui/format";
import { Progress } from "@/ui/progress";
import { Failed } from "@/ui/states";

interface RunRowProps {
  run: Run;
  /** Its newest progress, while it is the project's run at work. */
  current: CurrentRun | null;
  onAgain: () => void;
}

const DOING: Record<string, string> = {
  surface: "Finding the surface",
  texture: "Painting it from the photos",
  previews: "Drawing previews",
  optimizing: "Making it smaller",
  writing: "Writing the file",
  checking: "Reading it back and comparing",
};

/** A file in the making, or why there is none. */
export function RunRow({ run, current, onAgain }: RunRowProps) {
  const format = String(run.parameters.format ?? "file");
  if (run.status === "failed") {
    const told = (run.error ?? {}) as { code?: string; message?: string; suggestion?: string };
    const failure = new ApiFailure(
      told.code ?? "internal_error",
      `${format}: ${told.message ?? "The file could not be made."}`,
      told.suggestion ?? "Try again.",
      500,
    );
    return (
      <li className="p-4">
        <Failed failure={failure} retry={onAgain} />
      </li>
    );
  }
  const { stage, progress_percentage: percent, message } = current ?? run;
  const waiting = run.status === "queued" && !current?.stage;
  const left = current?.eta_s;
  return (
    <li className="space-y-2 p-4">
      <p className="flex flex-wrap items-baseline gap-x-2.5">
        <span className="font-medium">.{format}</span>
        <span className="text-sm text-ink-soft">
          {waiting ? (current?.waits_note || "Waiting for its turn") : `${DOING[stage ?? ""] ?? "At work"}${message ? `: ${message}` : ""}`}
        </span>
        {left !== null && left !== undefined && <span className="ml-auto text-sm text-ink-soft tabular-nums">{about(left)} left</span>}
      </p>
      <Progress percent={waiting ? 0 : percent} label={`Making .${format}`} />
    </li>
  );
}
