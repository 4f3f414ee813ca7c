import { useQuery } from "@tanstack/react-query";

import type { Metric, Model, View } from "@/api/connection";
import { Badge } from "@/ui/badge";
import { count, decibels } from "@/ui/format";
import { Empty, Failed } from "@/ui/states";

import { metricsQuery, viewsQuery } from "../queries";
import { BeforeAfter } from "./before-after";
import { FactsList } from "./facts-list";
import { Gallery, GallerySkeleton, type Tile } from "./gallery";
import { loadRender, PrivatePicture, renderName } from "./private-picture";

/** Photos as the model sees them: straightened, with a camera, each beside the version's own picture from there. */
export function ViewsTab({ projectId, model }: { projectId: string; model: Model | null }) {
  const views = useQuery(viewsQuery(projectId));
  const metrics = useQuery(metricsQuery(projectId));
  if (views.isPending) return <GallerySkeleton />;
  if (views.isError) return <Failed failure={views.error} retry={() => void views.refetch()} />;
  const shown = views.data.filter((view) => model === null || view.run_id === model.view_run_id);
  if (shown.length === 0) {
    return <Empty title="No views yet" text="Once the photos have been placed, each is a view with a camera." />;
  }
  const measured = new Map(
    metrics.data?.filter((one) => one.version === model?.version).map((one) => [one.view_index, one]) ?? [],
  );
  const heldOut = shown.filter((view) => view.split === "held_out").length;
  return (
    <div className="space-y-4">
      <p className="text-sm text-ink-soft">
        {count(shown.length, "view")}
        {heldOut > 0 && `, ${heldOut} of them held out: the model has not learnt from these and is measured on them`}.
      </p>
      <Gallery label="Views" tiles={shown.map((view) => tileOf(view, measured.get(view.view_index), model, projectId))} />
    </div>
  );
}

function tileOf(view: View, quality: Metric | undefined, model: Model | null, projectId: string): Tile {
  const photo = view.method === "photo";
  return {
    id: view.id,
    title: view.name,
    thumbnail: view.image_url,
    line: quality ? `Version ${model?.version}: ${decibels(quality.psnr)}` : photo ? "A photo" : `Made by ${view.method}`,
    mark: (
      <>
        {view.split === "held_out" && <Badge tone="accent">Held out</Badge>}
        {!photo && <Badge tone="warn">Not a photo</Badge>}
        {view.stale && <Badge tone="warn">Out of date</Badge>}
      </>
    ),
    large: () => <Compared view={view} projectId={projectId} version={model?.version ?? null} />,
    about: () => (
      <FactsList
        rows={[
          ["Held out", view.split === "held_out" ? "yes" : "no"],
          ["Made by", photo ? "a camera" : view.method],
          ["Size", sizeOf(view)],
          ["Focal length", focalOf(view)],
          ["PSNR", quality ? decibels(quality.psnr) : null],
          ["SSIM", quality?.ssim.toFixed(3) ?? null],
          ["LPIPS", quality?.lpips?.toFixed(3) ?? null],
          ["Depth confirmed by others", quality?.depth_consistency ? `${Math.round(quality.depth_consistency * 100)} %` : null],
        ]}
      />
    ),
  };
}

function Compared({ view, projectId, version }: { view: View; projectId: string; version: number | null }) {
  const photo = <img src={view.image_url ?? undefined} alt={view.name} />;
  const { width, height } = view.camera as { width: number; height: number };
  if (version === null) return <img src={view.image_url ?? undefined} alt={view.name} className="max-h-full max-w-full object-contain" />;
  return (
    <BeforeAfter
      ratio={width / height}
      width={width}
      beforeName="Photo"
      afterName={`Version ${version}`}
      before={photo}
      after={
        <PrivatePicture
          name={renderName(projectId, version, view.name)}
          load={loadRender(projectId, version, view.name)}
          alt={`Version ${version} from where ${view.name} was taken`}
        />
      }
    />
  );
}

function sizeOf({ camera }: View): string {
  return `${String(camera.width)} × ${String(camera.height)} px`;
}

function focalOf({ camera }: View): string | null {
  return typeof camera.fx === "number" ? `${camera.fx.toFixed(0)} px` : null;
}
