import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Run, TrainingPreview } from "@/api/connection";
import { decibels } from "@/ui/format";

import { previewQuery } from "./queries";

// The place is there from the run's beginning, so that nothing below it moves when the first picture comes.
const BOX = "aspect-4/3 min-w-0 bg-black";

/** How the training of a run looks just now: a photo beside the newest render from where it was taken. */
export function LivePreview({ run }: { run: Run }) {
  const told = useQuery(previewQuery(run.project_id, run.id));
  const shown = useArrived(told.data?.preview ?? null);
  if (!shown && run.status !== "running") return null;
  return (
    <figure>
      <div className="grid grid-cols-2 gap-px overflow-hidden rounded-md">
        <Picture url={shown?.photo_url} alt={shown ? `The photo ${shown.photo_name ?? ""}` : ""} />
        <Picture url={shown?.render_url} alt="The same view of the model in training" />
      </div>
      <figcaption className="min-h-9 pt-1 text-xs text-ink-soft" aria-live="polite">
        {shown ? sentenceOf(shown, run.status === "running") : "A photo and what the model makes of it; the first comes soon after training has begun."}
      </figcaption>
    </figure>
  );
}

function Picture({ url, alt }: { url: string | null | undefined; alt: string }) {
  return url ? <img src={url} alt={alt} className={`${BOX} w-full object-contain`} /> : <div className={`${BOX} bg-raised`} />;
}

export function sentenceOf(preview: Pick<TrainingPreview, "iteration" | "iterations" | "psnr" | "split">, running: boolean): string {
  const number = (count: number) => count.toLocaleString("en");
  const when = `iteration ${number(preview.iteration)} of ${number(preview.iterations)}`;
  const unseen = preview.split === "held_out" ? "a photo that it does not learn from" : "a photo that it learns from";
  return `${running ? "At" : "It came to"} ${when}, ${decibels(preview.psnr)} against ${unseen}`;
}

/** The newest preview whose picture is here: until then the one before stays, so that nothing flickers. */
function useArrived(newest: TrainingPreview | null): TrainingPreview | null {
  const [arrived, setArrived] = useState<TrainingPreview | null>(null);
  useEffect(() => {
    if (!newest?.render_url) return;
    let overtaken = false;
    const image = new Image();
    image.src = newest.render_url;
    // One that is gone already has a newer one in its place, whose event is on its way.
    image.decode().then(
      () => !overtaken && setArrived(newest),
      () => {},
    );
    return () => {
      overtaken = true;
    };
  }, [newest]);
  return newest && arrived;
}
