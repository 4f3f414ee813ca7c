import type { Run } from "@/api/connection";
import { Spinner } from "@/ui/button";
import { duration } from "@/ui/format";
import { IconCheck, IconCross } from "@/ui/icons";

import type { Stage, StageState } from "./stages";

const SAYS: Record<StageState, string> = {
  done: "done",
  running: "at work",
  waiting: "to come",
  failed: "stopped here",
  skipped: "not needed",
};

/** A run's stages with what each took, like the log of a build. */
export function StageList({ stages, run, now }: { stages: readonly Stage[]; run: Run; now: number }) {
  return (
    <ol className="text-sm">
      {stages.map((stage) => (
        <li key={stage.name} className="flex gap-2.5 py-0.5">
          <Mark state={stage.state} stopped={run.status === "cancelled"} />
          <div className="min-w-0 grow">
            <span className={stage.state === "waiting" || stage.state === "skipped" ? "text-ink-soft" : ""}>{stage.label}</span>
            <span className="sr-only">, {SAYS[stage.state]}</span>
            {stage.state === "running" && run.message && <span className="block text-ink-soft">{run.message}</span>}
          </div>
          <span className="shrink-0 text-ink-soft">{told(stage, now)}</span>
        </li>
      ))}
    </ol>
  );
}

function told(stage: Stage, now: number): string {
  if (stage.state === "skipped") return "not needed";
  if (stage.state === "running") return stage.since === null ? "…" : duration((now - stage.since) / 1000);
  if (stage.seconds === null) return "";
  return stage.seconds < 1 ? "< 1 s" : duration(stage.seconds);
}

function Mark({ state, stopped }: { state: StageState; stopped: boolean }) {
  const box = "mt-0.5 grid size-4 shrink-0 place-items-center";
  switch (state) {
    case "done":
      return <span className={`${box} text-good`}><IconCheck className="size-4" /></span>;
    case "running":
      return <span className={`${box} text-accent`}><Spinner className="size-3.5" /></span>;
    case "failed":
      return <span className={`${box} ${stopped ? "text-ink-soft" : "text-bad"}`}><IconCross className="size-4" /></span>;
    default:
      return <span className={box}><span className="size-1.5 rounded-full bg-line-strong" /></span>;
  }
}
