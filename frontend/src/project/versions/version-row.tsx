import { useMutation, useQueryClient } from "@tanstack/react-query";

import { promoteModel, type Model } from "@/api/connection";
import { keys } from "@/api/keys";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { age, bytes, decibels, duration } from "@/ui/format";
import { IconCheck, IconRefine } from "@/ui/icons";
import { toast, toastFailure } from "@/ui/toast";

import { usePoster } from "../poster";
import { Findings, findingsOf, type Finding } from "../notice";
import { CLASSES } from "../words";
import { originOf, type Row } from "./tree";

interface VersionRowProps {
  row: Row;
  projectId: string;
  shown: boolean;
  beside: boolean;
  onShow: () => void;
  onCompare: () => void;
  onRefineFrom: () => void;
}

export function VersionRow({ row: { model, depth, follows, leads }, projectId, shown, beside, onShow, onCompare, onRefineFrom }: VersionRowProps) {
  const queries = useQueryClient();
  const promote = useMutation({
    mutationFn: () => promoteModel({ path: { project_id: projectId, version: model.version } }),
    onSuccess: async () => {
      toast(`Version ${model.version} is promoted: it is what the project shows.`);
      await queries.invalidateQueries({ queryKey: keys.project(projectId) });
    },
    onError: toastFailure,
  });
  const poster = usePoster(projectId, model);
  const quality = model.quality_class && CLASSES[model.quality_class];
  return (
    <li
      aria-current={shown ? "true" : undefined}
      className={`flex flex-wrap items-center gap-x-4 gap-y-2 px-3 py-2.5 border-t border-line first:border-t-0 ${shown ? "bg-accent-soft" : ""}`}
      style={{ paddingLeft: `calc(0.75rem + ${Math.min(depth, 6)} * 1.5rem)` }}
    >
      <Node follows={follows} leads={leads} promoted={model.promoted} />
      {poster ? (
        <img src={poster} alt="" className="aspect-4/3 w-20 rounded-md bg-raised object-cover" />
      ) : (
        <span className="aspect-4/3 w-20 rounded-md bg-raised" />
      )}
      <div className="min-w-0 grow basis-48">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-medium">Version {model.version}</span>
          {model.promoted && (
            <Badge tone="accent">
              <IconCheck className="size-3" /> Promoted
            </Badge>
          )}
          {quality && <Badge tone={quality.tone}>{quality.word}</Badge>}
          {model.degraded && <Badge tone="warn">Found fault with</Badge>}
          {model.stale && <Badge tone="warn">Out of date</Badge>}
        </p>
        <p className="text-sm text-ink-soft">
          {originOf(model)} · {age(model.created_at)}
        </p>
        <p className="text-sm text-ink-soft">
          {numbersOf(model).join(" · ")}
        </p>
        {shown && quality?.advice && <p className="text-sm">{quality.advice}</p>}
        {model.stale && (
          <p className="text-sm text-warn">
            Made before {model.stale_because.map((photo) => photo.filename).join(", ")} was replaced.
          </p>
        )}
      </div>
      {model.degraded && (
        <div className="order-last basis-full">
          <Findings findings={faultsOf(model)} />
        </div>
      )}
      <div className="flex flex-wrap gap-1">
        <Button size="sm" tone={shown ? "quiet" : "plain"} disabled={shown} onClick={onShow} aria-label={`${shown ? "Shown" : "Show"} version ${model.version}`}>
          {shown ? "Shown" : "Show"}
        </Button>
        <Button
          size="sm"
          tone="quiet"
          disabled={shown}
          onClick={onCompare}
          aria-label={beside ? `Stop comparing with version ${model.version}` : `Compare version ${model.version} with the one shown`}
        >
          {beside ? "Stop comparing" : "Compare"}
        </Button>
        <Button size="sm" tone="quiet" onClick={onRefineFrom}>
          <IconRefine /> Refine from version {model.version}
        </Button>
        {!model.promoted && (
          <Button size="sm" tone="quiet" busy={promote.isPending} onClick={() => promote.mutate()} aria-label={`Promote version ${model.version}`}>
            <IconCheck /> Promote
          </Button>
        )}
      </div>
    </li>
  );
}

/** What the sanity gate found wrong with it. */
function faultsOf(model: Model): Finding[] {
  const faults = Array.isArray(model.details.sanity) ? (model.details.sanity as Record<string, unknown>[]) : [];
  return findingsOf(faults).map((fault) => ({ ...fault, wrong: true }));
}

/** Each breaks only as a whole. */
function numbersOf(model: Model): string[] {
  const numbers = [
    decibels(model.psnr),
    model.ssim === null ? null : `SSIM ${model.ssim.toFixed(3)}`,
    `${model.num_gaussians.toLocaleString("en")} Gaussians`,
    model.bytes === null ? null : bytes(model.bytes),
    model.seconds === null ? null : `trained ${duration(model.seconds)}`,
  ];
  return numbers.filter((one) => one !== null).map((one) => one.replaceAll(" ", "\u00a0"));
}

/** A dot on the line that leads from version to version. */
function Node({ follows, leads, promoted }: { follows: boolean; leads: boolean; promoted: boolean }) {
  return (
    <span aria-hidden className="relative grid w-3 self-stretch place-items-center max-sm:hidden">
      {follows && <span className="absolute -top-2.5 bottom-1/2 w-0.5 bg-line-strong" />}
      {leads && <span className="absolute top-1/2 -bottom-2.5 w-0.5 bg-line-strong" />}
      <span className={`relative size-3 rounded-full border-2 ${promoted ? "border-accent bg-accent" : "border-line-strong bg-surface"}`} />
    </span>
  );
}
