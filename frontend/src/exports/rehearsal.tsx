import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { export_ as exportModel, type ExportParameters, type Rehearsal as Told } from "@/api/connection";
import { keys } from "@/api/keys";
import { about, bytes } from "@/ui/format";
import { Failed } from "@/ui/states";

const AFTER_MS = 300;

interface RehearsalProps {
  projectId: string;
  parameters: ExportParameters;
}

/** What making the file would take, asked while the form is filled in; nothing is done by it. */
export function Rehearsal({ projectId, parameters }: RehearsalProps) {
  const typed = JSON.stringify(parameters);
  const asked = useSettled(typed);
  const told = useQuery({
    queryKey: [...keys.project(projectId), "rehearsal", asked],
    queryFn: () =>
      exportModel({
        path: { project_id: projectId },
        query: { dry_run: true },
        body: JSON.parse(asked) as ExportParameters,
      }) as Promise<Told>,
    placeholderData: (before) => before,
  });
  if (told.isError) return <Failed failure={told.error} retry={() => void told.refetch()} />;
  // Keeps its height, so that nothing jumps while options change.
  return (
    <div role="status" className="min-h-12 rounded-lg bg-raised px-4 py-3 text-sm">
      {told.data ? <Words told={told.data} /> : <span className="text-ink-soft">Finding out what it takes …</span>}
    </div>
  );
}

function Words({ told }: { told: Told }) {
  const { reuses, expected, queue, problems } = told;
  if (problems.length > 0) {
    return (
      <ul className="space-y-1">
        {problems.map((problem) => (
          <li key={problem.code}>
            <span className="text-bad">{problem.message}</span> {problem.suggestion}
          </li>
        ))}
      </ul>
    );
  }
  if (!told.would_run) return <span>{reuses?.note} The file is there at once.</span>;
  const takes = expected.seconds_p50 === null ? "Nobody knows yet how long it takes" : `Takes ${about(expected.seconds_p50)}`;
  const stores = expected.bytes === null ? "" : `, stores about ${bytes(expected.bytes)}`;
  return (
    <span>
      {takes}
      {stores} <span className="text-ink-soft">({expected.note})</span>.
      {queue && queue.position > 1 && ` ${queue.waits_note || `Place ${queue.position} in line.`}`}
      {reuses && ` ${reuses.note}`}
    </span>
  );
}

/** The value once it has rested for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), AFTER_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
