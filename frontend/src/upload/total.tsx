import { Button } from "@/ui/button";
import { about, bytes, count } from "@/ui/format";
import { IconRetry, IconStop } from "@/ui/icons";
import { Progress } from "@/ui/progress";

import { lookOf } from "./item";
import type { View } from "./uploader";

interface TotalProps {
  view: View;
  onStop: () => void;
  onRetry: () => void;
}

/** All files together: how far, how fast, how long still, and what stands in the way. */
export function Total({ view, onStop, onRetry }: TotalProps) {
  const { items, active, waiting, kept } = view;
  const total = items.reduce((sum, item) => sum + item.file.size, 0);
  const sent = items.reduce((sum, item) => sum + item.sent, 0);
  const arrived = items.filter((item) => item.state === "done").length;
  const failed = items.filter((item) => item.state === "failed").length;
  const unusable = items.filter((item) => lookOf(item) === "rejected").length;
  return (
    <section aria-label="Upload" className="space-y-3 rounded-xl border border-line bg-surface p-4">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p className="font-medium">
          {active
            ? `${arrived} of ${count(items.length, "file")} taken in`
            : failed
              ? `${count(failed, "file")} not sent`
              : `${count(arrived, "file")} taken in`}
          {unusable > 0 && <span className="text-bad"> · {unusable} not usable</span>}
        </p>
        <p className="text-sm text-ink-soft">
          {bytes(sent)} of {bytes(total)}
          {view.bytesPerSecond !== null && ` · ${bytes(Math.round(view.bytesPerSecond))}/s`}
          {active && view.secondsLeft !== null && sent < total && ` · ${about(view.secondsLeft)} left`}
          {active && sent >= total && " · all sent, being checked"}
        </p>
      </div>
      <Progress percent={total ? (100 * sent) / total : 0} label="All files" tone={failed && !active ? "bad" : "accent"} className="h-2" />
      <div className="flex flex-wrap items-center justify-between gap-2 text-sm text-ink-soft not-has-[button]:has-[p:empty]:hidden">
        <p role="status">
          {waiting
            ? `${waiting.message} It is tried again by itself; nothing that arrived is sent twice.`
            : active && kept === true
              ? "You may close this page: it goes on when you open it again."
              : active && kept === false
                ? "Keep this page open until it is done: this browser has no room to remember the files."
                : ""}
        </p>
        <div className="flex gap-2">
          {failed > 0 && (
            <Button size="sm" tone="primary" onClick={onRetry}>
              <IconRetry /> Send {count(failed, "file")} again
            </Button>
          )}
          {active && (
            <Button size="sm" onClick={onStop}>
              <IconStop /> Stop
            </Button>
          )}
        </div>
      </div>
    </section>
  );
}
