import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Rehearsal } from "@/api/connection";
import { asFailure } from "@/api/failure";
import { about, bytes, count } from "@/ui/format";
import { IconClock } from "@/ui/icons";

import { Notice } from "../notice";
import { rehearsalQuery, type StepCall } from "../queries";

const SETTLE_MS = 350;

/** What the step would cost if it were begun now: nothing is done for that. Its place is kept while it is asked for. */
export function Estimate({ projectId, call }: { projectId: string; call: StepCall }) {
  const settled = useSettled(call);
  const rehearsal = useQuery({ ...rehearsalQuery(projectId, settled), placeholderData: keepPreviousData });
  const failure = rehearsal.error && asFailure(rehearsal.error);
  return (
    <div aria-live="polite" className="min-h-24 space-y-2">
      {failure && <Notice finding={{ message: failure.message, suggestion: failure.suggestion, code: failure.code, wrong: true }} />}
      {!failure && rehearsal.data && <Told rehearsal={rehearsal.data} />}
      {rehearsal.isPending && <p className="p-2.5 text-sm text-ink-soft">Asking what it would take …</p>}
    </div>
  );
}

function Told({ rehearsal }: { rehearsal: Rehearsal }) {
  return (
    <>
      {rehearsal.problems.map((problem) => (
        <Notice key={problem.code} finding={{ ...problem, wrong: true }} />
      ))}
      {rehearsal.reuses && <Notice finding={{ message: rehearsal.reuses.note, code: rehearsal.reuses.because }} />}
      <div className="flex gap-2.5 rounded-md bg-raised p-2.5 text-sm">
        <IconClock className="mt-0.5 size-4 text-ink-soft" />
        <div>
          {timesOf(rehearsal).map((line) => (
            <p key={line} className="first:font-medium not-first:text-ink-soft">
              {line}
            </p>
          ))}
        </div>
      </div>
    </>
  );
}

/** Time, room and what that rests on, as sentences. */
export function timesOf({ expected, queue }: Rehearsal): string[] {
  const { seconds_p50, seconds_p90, peak_memory_mb, samples } = expected;
  const lines: string[] = [];
  if (seconds_p50 === null) lines.push("How long it takes is not known yet: nothing like it was done here before.");
  else {
    const most = seconds_p90 === null ? "" : `, nine times in ten under ${about(seconds_p90).replace("about ", "")}`;
    lines.push(`Takes ${about(seconds_p50)}${most}.`);
  }
  if (queue) {
    const ahead = queue.position - 1;
    const line = ahead > 0 ? `${count(ahead, "run")} before it in line` : "It is next in line";
    lines.push(queue.starts_in_s ? `${line}; starts in ${about(queue.starts_in_s)}.` : `${line}.`);
    if (queue.waits_for === "worker" && queue.waits_note) lines.push(queue.waits_note);
  }
  const room: string[] = [];
  if (expected.bytes !== null) room.push(`stores about ${bytes(expected.bytes)}`);
  if (peak_memory_mb !== null) room.push(`needs up to ${Math.round(peak_memory_mb).toLocaleString("en")} MB of memory`);
  if (room.length) lines.push(`It ${room.join(" and ")}.`);
  if (samples > 0) lines.push(`By ${count(samples, "earlier run")} here.`);
  return lines;
}

/** The call once it has stayed the same for a moment, so that typing does not ask at each key. */
function useSettled(call: StepCall): StepCall {
  const text = JSON.stringify(call);
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return JSON.parse(settled) as StepCall;
}
