import { useQuery } from "@tanstack/react-query";

import type { DepthMap, View } from "@/api/connection";
import { Badge } from "@/ui/badge";
import { Empty, Failed } from "@/ui/states";

import { depthQuery, viewsQuery } from "../queries";
import { BeforeAfter } from "./before-after";
import { FactsList } from "./facts-list";
import { Gallery, GallerySkeleton, type Tile } from "./gallery";

const FROM_MODEL = "rendered_median";

export function DepthTab({ projectId, viewRunId }: { projectId: string; viewRunId: string | null }) {
  const depths = useQuery(depthQuery(projectId));
  const views = useQuery(viewsQuery(projectId));
  if (depths.isPending) return <GallerySkeleton />;
  if (depths.isError) return <Failed failure={depths.error} retry={() => void depths.refetch()} />;
  const shown = depths.data.filter((depth) => viewRunId === null || depth.run_id === viewRunId);
  if (shown.length === 0) return <Empty title="No depth maps yet" text="They are drawn when the first model is made." />;
  const photos = new Map(views.data?.map((view) => [view.id, view]) ?? []);
  const drawn = shown.every((depth) => depth.method === FROM_MODEL);
  return (
    <div className="space-y-4">
      <p className="text-sm text-ink-soft">
        How far away things are, in units of the captured world.
        {drawn && " They were drawn from the model itself: no depth network was used."}
      </p>
      <Gallery label="Depth maps" tiles={shown.map((depth) => tileOf(depth, photos.get(depth.view_id)))} />
    </div>
  );
}

function tileOf(depth: DepthMap, view: View | undefined): Tile {
  return {
    id: depth.id,
    title: depth.name,
    thumbnail: depth.heatmap_url,
    line: range(depth),
    mark: depth.stale ? <Badge tone="warn">Out of date</Badge> : null,
    large: () => <Large depth={depth} view={view} />,
    about: () => (
      <>
        <FactsList
          rows={[
            ["Made by", depth.method === FROM_MODEL ? "the model itself" : depth.method],
            ["Nearest", units(depth.depth_min)],
            ["Mean", units(depth.depth_mean)],
            ["Farthest", units(depth.depth_max)],
            ["Pixels with a depth", percent(depth.coverage)],
            ["Confidence", percent(depth.confidence)],
            ["Agrees with sparse points", percent(depth.inlier_share)],
          ]}
        />
        {depth.depth_url && (
          <a href={depth.depth_url} download className="text-accent-strong underline underline-offset-4">
            The depths as a 16-bit picture
          </a>
        )}
      </>
    ),
  };
}

function Large({ depth, view }: { depth: DepthMap; view: View | undefined }) {
  const heat = <img src={depth.heatmap_url ?? undefined} alt={`Depth of ${depth.name}`} className="max-h-full max-w-full object-contain" />;
  if (!view?.image_url) return heat;
  const { width, height } = view.camera as { width: number; height: number };
  return (
    <BeforeAfter
      ratio={width / height}
      width={width}
      beforeName="Photo"
      afterName="Depth"
      before={<img src={view.image_url} alt={view.name} />}
      after={heat}
    />
  );
}

function range(depth: DepthMap): string {
  return depth.depth_min === null || depth.depth_max === null ? "" : `${depth.depth_min.toFixed(1)} to ${depth.depth_max.toFixed(1)} units`;
}

function units(value: number | null): string | null {
  return value === null ? null : `${value.toFixed(2)} units`;
}

function percent(share: number | null): string | null {
  return share === null ? null : `${Math.round(share * 100)} %`;
}
