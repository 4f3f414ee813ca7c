import { memo } from "react";

import { Badge, type BadgeTone } from "@/ui/badge";
import { bytes, count } from "@/ui/format";
import { IconCross, IconFile, IconPhoto, IconVideo } from "@/ui/icons";
import { Progress } from "@/ui/progress";

import { lookOf, type Item, type Look } from "./item";

const LOOKS: Record<Look, { word: string; tone: BadgeTone }> = {
  waiting: { word: "Waits", tone: "plain" },
  sending: { word: "Sending", tone: "accent" },
  checking: { word: "Checking", tone: "accent" },
  ok: { word: "Good", tone: "good" },
  warning: { word: "Usable", tone: "warn" },
  rejected: { word: "Not usable", tone: "bad" },
  failed: { word: "Not sent", tone: "bad" },
};
const ICONS = { photo: IconPhoto, mask: IconPhoto, video: IconVideo, archive: IconFile, cameras: IconFile };
const WORDS_SHOWN = 2;

interface FileTileProps {
  item: Item;
  onRemove: ((id: string) => void) | null;
}

/** A file with its picture, how far it is, and afterwards what the doctor says of it. */
export const FileTile = memo(function FileTile({ item, onRemove }: FileTileProps) {
  const look = lookOf(item);
  const { word, tone } = LOOKS[look];
  const Icon = ICONS[item.kind];
  const reasons = item.verdicts.flatMap((photo) => photo.reasons);
  const underWay = look === "sending" || look === "checking";
  return (
    <li className="flex flex-col overflow-hidden rounded-lg border border-line bg-surface [contain-intrinsic-size:auto_14rem] [content-visibility:auto]">
      <div className="relative aspect-4/3 bg-raised">
        {item.thumbnail ? (
          <img
            src={item.thumbnail}
            alt=""
            className={`absolute inset-0 size-full object-cover transition-opacity ${look === "waiting" || underWay ? "opacity-70" : ""}`}
          />
        ) : (
          <div className="grid size-full place-items-center text-line-strong">
            <Icon className="size-8" />
          </div>
        )}
        {onRemove && item.state === "waiting" && (
          <button
            type="button"
            aria-label={`Leave out ${item.path}`}
            onClick={() => onRemove(item.id)}
            className="absolute top-1.5 right-1.5 grid size-7 place-items-center rounded-full bg-surface/90 text-ink hover:bg-surface"
          >
            <IconCross />
          </button>
        )}
        <div className="absolute inset-x-0 bottom-0 h-1.5">
          {underWay && (
            <Progress
              percent={look === "checking" ? null : (100 * item.sent) / item.file.size}
              label={`${item.path}: ${word}`}
              className="rounded-none"
            />
          )}
        </div>
      </div>
      <div className="space-y-1 p-2">
        <p className="truncate text-sm" title={item.path}>
          {item.file.name}
        </p>
        <p className="flex items-center justify-between gap-2">
          <Badge tone={tone}>{word}</Badge>
          <span className="truncate text-xs text-ink-soft">
            {item.verdicts.length > 1 ? count(item.verdicts.length, "photo") : bytes(item.file.size)}
          </span>
        </p>
        {item.problem && (
          <>
            <Advice message={item.problem.message} suggestion={item.problem.suggestion} />
            <p className="font-mono text-xs break-all text-ink-soft">{item.problem.code}</p>
          </>
        )}
        {reasons.slice(0, WORDS_SHOWN).map((reason) => (
          <Advice key={`${reason.code} ${reason.message}`} message={reason.message} suggestion={reason.suggestion ?? ""} />
        ))}
        {reasons.length > WORDS_SHOWN && (
          <p className="text-xs text-ink-soft">and {reasons.length - WORDS_SHOWN} more remarks</p>
        )}
      </div>
    </li>
  );
});

function Advice({ message, suggestion }: { message: string; suggestion: string }) {
  return (
    <p className="text-xs">
      {message} <span className="text-ink-soft">{suggestion}</span>
    </p>
  );
}
