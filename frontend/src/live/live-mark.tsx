import { useLiveState, type LiveState } from "./state";

const LOOKS: Record<Exclude<LiveState, "quiet">, { dot: string; word: string; says: string }> = {
  connecting: { dot: "bg-line-strong", word: "Connecting", says: "Connecting for live changes" },
  live: { dot: "bg-good", word: "Live", says: "Changes show at once" },
  down: { dot: "bg-warn animate-pulse", word: "Reconnecting", says: "The live line is down; the page asks every 10 seconds meanwhile" },
};

export function LiveMark() {
  const state = useLiveState();
  if (state === "quiet") return null;
  const { dot, word, says } = LOOKS[state];
  return (
    <span role="status" title={says} className="inline-flex items-center gap-2 text-sm text-ink-soft">
      <span aria-hidden className={`size-2 rounded-full ${dot}`} />
      {word}
    </span>
  );
}
