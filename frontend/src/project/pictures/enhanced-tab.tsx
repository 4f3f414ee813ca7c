import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { EnhancedView, View } from "@/api/connection";
import { Badge } from "@/ui/badge";
import { Empty, Failed } from "@/ui/states";

import { enhancedQuery, viewsQuery } from "../queries";
import { BeforeAfter } from "./before-after";
import { FactsList } from "./facts-list";
import { Gallery, GallerySkeleton, type Tile } from "./gallery";

/** What refine rounds drew of single views, and what an enhancement made of that. */
export function EnhancedTab({ projectId }: { projectId: string }) {
  const enhanced = useQuery(enhancedQuery(projectId));
  const views = useQuery(viewsQuery(projectId));
  if (enhanced.isPending) return <GallerySkeleton />;
  if (enhanced.isError) return <Failed failure={enhanced.error} retry={() => void enhanced.refetch()} />;
  if (enhanced.data.length === 0) {
    return <Empty title="No enhanced views yet" text="Each round of a refine draws the worst views and may enhance them; they show here." />;
  }
  const photos = new Map(views.data?.map((view) => [view.id, view]) ?? []);
  const rounds = [...new Set(enhanced.data.map((one) => one.version))].toSorted((a, b) => b - a);
  return (
    <div className="space-y-6">
      {rounds.map((version) => {
        const of = enhanced.data.filter((one) => one.version === version);
        const method = of[0]?.method ?? "none";
        return (
          <section key={version} className="space-y-3">
            <h3 className="flex flex-wrap items-center gap-2 text-base">
              For version {version} <Badge>{method === "none" ? "nothing enhanced" : method}</Badge>
            </h3>
            <Gallery label={`Views of the round that made version ${version}`} tiles={of.map((one) => tileOf(one, photos.get(one.view_id)))} />
          </section>
        );
      })}
    </div>
  );
}

function tileOf(one: EnhancedView, view: View | undefined): Tile {
  const confidence = one.details.confidence as Record<string, unknown> | null | undefined;
  return {
    id: one.id,
    title: one.name,
    thumbnail: one.enhanced_url ?? one.rendered_url,
    line: one.enhanced_url ? "Before and after" : "Drawn, not enhanced",
    large: () => <Large one={one} view={view} />,
    about: () => (
      <FactsList
        rows={[
          ["Method", one.method === "none" ? "none" : one.method],
          ["Model", one.model],
          ["Prompt", one.prompt],
          ["Strength", one.strength?.toFixed(2) ?? null],
          ["Agrees with the photos", shareOf(confidence?.agreement)],
          ["Pixels that photos see", shareOf(confidence?.seen)],
          ["Taught the model", typeof confidence?.taught === "boolean" ? (confidence.taught ? "yes" : "no") : null],
        ]}
      />
    ),
  };
}

type Pair = "enhanced" | "photo" | "confidence";

function Large({ one, view }: { one: EnhancedView; view: View | undefined }) {
  const pairs = pairsOf(one, view);
  const [chosen, setChosen] = useState<Pair>(pairs[0] ?? "photo");
  const before = <img src={one.rendered_url ?? undefined} alt={`The version before, from where ${one.name} was taken`} />;
  if (pairs.length === 0) return <div className="*:max-h-full *:max-w-full">{before}</div>;
  const afters: Record<Pair, { name: string; url: string | null | undefined }> = {
    enhanced: { name: "Enhanced", url: one.enhanced_url },
    photo: { name: "Photo", url: view?.image_url },
    confidence: { name: "Confidence", url: one.confidence_url },
  };
  const camera = (view?.camera ?? { width: 4, height: 3 }) as { width: number; height: number };
  const after = afters[chosen];
  return (
    <div className="flex size-full min-h-0 flex-col items-center gap-2">
      {pairs.length > 1 && (
        <label className="flex items-center gap-2 text-sm">
          Against
          <select
            value={chosen}
            onChange={(event) => setChosen(event.target.value as Pair)}
            className="h-9 rounded-md border border-line-strong bg-surface px-2"
          >
            {pairs.map((pair) => (
              <option key={pair} value={pair}>
                {afters[pair].name}
              </option>
            ))}
          </select>
        </label>
      )}
      <div className="grid min-h-0 w-full grow place-items-center">
        <BeforeAfter
          ratio={camera.width / camera.height}
          width={camera.width}
          beforeName="Rendered"
          afterName={after.name}
          before={before}
          after={<img src={after.url ?? undefined} alt={`${after.name}: ${one.name}`} />}
        />
      </div>
    </div>
  );
}

export function pairsOf(one: Pick<EnhancedView, "enhanced_url" | "confidence_url">, view: Pick<View, "image_url"> | undefined): Pair[] {
  return (["enhanced", "photo", "confidence"] as const).filter((pair) =>
    pair === "photo" ? Boolean(view?.image_url) : Boolean(pair === "enhanced" ? one.enhanced_url : one.confidence_url),
  );
}

function shareOf(share: unknown): string | null {
  return typeof share === "number" ? `${Math.round(share * 100)} %` : null;
}
