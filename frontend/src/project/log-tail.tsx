import { useQuery } from "@tanstack/react-query";
import { useEffect, useLayoutEffect, useRef } from "react";

import type { Run } from "@/api/connection";
import { Failed, Skeleton } from "@/ui/states";

import { logQuery } from "./queries";

const LINES = 200;
const OFTEN_MS = 2500;

/** What the run's process wrote last. It is read again when the run is seen to move, not by a clock. */
export function LogTail({ run }: { run: Run }) {
  const log = useQuery(logQuery(run.id, LINES));
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  const { refetch } = log;
  const asked = useRef(0);

  useEffect(() => {
    const wait = Math.max(0, asked.current + OFTEN_MS - Date.now());
    const timer = setTimeout(() => {
      asked.current = Date.now();
      void refetch();
    }, wait);
    return () => clearTimeout(timer);
  }, [run.stage, run.message, run.status, run.progress_percentage, refetch]);

  useLayoutEffect(() => {
    // Whoever scrolled back to read stays there.
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log.data]);

  if (log.isPending) return <Skeleton className="h-48" />;
  if (log.isError) return <Failed failure={log.error} retry={() => void refetch()} />;
  const { lines, truncated } = log.data;
  if (lines.length === 0) return <p className="text-sm text-ink-soft">Nothing was written{run.status === "queued" ? " yet" : ""}.</p>;
  return (
    <pre
      ref={box}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, and keys must reach it
      tabIndex={0}
      aria-label="The run's log"
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        atEnd.current = scrollTop + clientHeight > scrollHeight - 24;
      }}
      className="max-h-64 overflow-auto rounded-md bg-raised p-3 font-mono text-xs leading-relaxed whitespace-pre-wrap wrap-anywhere"
    >
      {truncated && <span className="text-ink-soft">… earlier lines left out{"\n"}</span>}
      {lines.join("\n")}
    </pre>
  );
}
