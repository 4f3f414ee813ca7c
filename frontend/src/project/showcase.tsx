import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";

import type { Export, Model, View } from "@/api/connection";
import { exportsQuery, imagesQuery, modelsQuery } from "@/api/queries";
import { Link } from "@/app/navigation";
import { buttonLook } from "@/ui/button";
import { IconCube, IconPhoto, IconUpload } from "@/ui/icons";
import { Failed, Skeleton } from "@/ui/states";
import type { CameraFrame, LayerSource, Rows4, SplatSource, StartCamera } from "@/viewer/types";

import { usePoster } from "./poster";
import { viewsQuery } from "./queries";

const Viewer = lazy(async () => ({ default: (await import("@/viewer")).Viewer }));

// The same place for all that may stand here, so that nothing below it moves.
const FRAME = "relative aspect-4/3 max-h-[72dvh] min-h-64 w-full overflow-hidden rounded-xl border border-line bg-raised";

interface ShowcaseProps {
  projectId: string;
  title: string;
  /** Null: the promoted version. */
  version: number | null;
  beside: number | null;
}

/** What the project looks like: the model to turn, or its photos before there is one. */
export function Showcase({ projectId, title, version, beside }: ShowcaseProps) {
  const models = useQuery(modelsQuery(projectId));
  if (models.isPending) return <Skeleton className={FRAME} />;
  if (models.isError) return <Failed failure={models.error} retry={() => void models.refetch()} />;
  const promoted = models.data.find((model) => model.promoted);
  const shown = models.data.find((model) => model.version === version) ?? promoted ?? models.data.at(-1);
  if (!shown) return <Photos projectId={projectId} />;
  const other = models.data.find((model) => model.version === beside && model.version !== shown.version);
  return <Shown key={projectId} projectId={projectId} title={title} model={shown} other={other ?? null} onRetry={async () => void (await models.refetch())} />;
}

interface ShownProps {
  projectId: string;
  title: string;
  model: Model;
  other: Model | null;
  onRetry: () => Promise<void>;
}

function Shown({ projectId, title, model, other, onRetry }: ShownProps) {
  const views = useQuery(viewsQuery(projectId));
  const exports = useQuery(exportsQuery(projectId));
  const cameras = useMemo(() => framesOf(views.data ?? [], model.view_run_id), [views.data, model.view_run_id]);
  const mesh = useMemo(() => layerOf(exports.data ?? [], model.version, "glb"), [exports.data, model.version]);
  const points = useMemo(() => layerOf(exports.data ?? [], model.version, "pointcloud.ply"), [exports.data, model.version]);
  const source = useMemo(() => sourceOf(model), [model]);
  const compared = useMemo(() => other && sourceOf(other), [other]);
  const start = useMemo(() => startOf(projectId), [projectId]);
  const poster = usePoster(projectId, model);
  if (!source.splatUrl) {
    return (
      <div className={`${FRAME} grid place-items-center p-6 text-center text-ink-soft`}>
        <p>The file of version {model.version} is no longer kept. Make it anew, or show another version.</p>
      </div>
    );
  }
  return (
    <div className={FRAME}>
      <Suspense fallback={<Poster url={poster} />}>
        <Viewer
          model={source}
          mesh={mesh}
          points={points}
          compareWith={compared}
          cameras={cameras}
          posterUrl={poster}
          start={start}
          onSaveStart={(camera) => keepStart(projectId, camera)}
          onRetry={onRetry}
          title={`${title}, version ${model.version}`}
        />
      </Suspense>
    </div>
  );
}

function Poster({ url }: { url: string | null }) {
  return url ? (
    <img src={url} alt="" className="size-full bg-black object-contain" />
  ) : (
    <div className="grid size-full place-items-center text-line-strong">
      <IconCube className="size-12" />
    </div>
  );
}

/** Before there is a model: the first usable photos. */
function Photos({ projectId }: { projectId: string }) {
  const photos = useQuery(imagesQuery(projectId));
  if (photos.isPending) return <Skeleton className={FRAME} />;
  const usable = (photos.data ?? []).filter((photo) => photo.processed_url && photo.verdict !== "rejected" && photo.replaced_at === null);
  const chosen = spread(usable, 4);
  if (chosen.length === 0) {
    return (
      <div className={`${FRAME} grid place-items-center border-dashed text-ink-soft`}>
        <p className="grid justify-items-center gap-3 text-center">
          <IconPhoto className="size-10" />
          No photos yet
          <Link to={`/projects/${projectId}/upload`} className={buttonLook("primary")}>
            <IconUpload /> Add photos
          </Link>
        </p>
      </div>
    );
  }
  return (
    <figure className={FRAME}>
      <div className={`grid size-full gap-px ${chosen.length > 1 ? "grid-cols-2" : ""} ${chosen.length > 2 ? "grid-rows-2" : ""}`}>
        {chosen.map((photo) => (
          <img key={photo.id} src={photo.processed_url ?? undefined} alt={photo.filename} className="size-full min-h-0 min-w-0 object-cover opacity-80" />
        ))}
      </div>
      <figcaption className="absolute inset-x-0 bottom-0 bg-black/65 px-4 py-2 text-sm text-white">
        No model yet. It will stand here, to be turned.
      </figcaption>
    </figure>
  );
}

/** A few of many, evenly apart. */
export function spread<T>(all: readonly T[], wanted: number): T[] {
  if (all.length <= wanted) return [...all];
  return Array.from({ length: wanted }, (_, index) => all[Math.floor((index * all.length) / wanted)] as T);
}

function sourceOf(model: Model): SplatSource {
  return { splatUrl: model.model_url, kind: "ply", label: `Version ${model.version}`, bytes: model.bytes };
}

/** The cameras that the version was trained with. */
export function framesOf(views: readonly View[], viewRunId: string): CameraFrame[] {
  return views
    .filter((view) => view.run_id === viewRunId && view.replaced_at === null)
    .map((view) => ({ ...(view.camera as unknown as Omit<CameraFrame, "name" | "imageUrl">), name: view.name, imageUrl: view.image_url }));
}

/** The newest file of a format that was exported of a version and is still there: a layer beside its splats. */
export function layerOf(exports: readonly Export[], version: number, format: string): LayerSource | null {
  const newest = exports
    .filter((one) => one.version === version && one.format === format && one.download_url)
    .toSorted((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at))[0];
  if (!newest?.download_url) return null;
  return { url: newest.download_url, bytes: newest.bytes, outFromWorld: (newest.details.out_from_world as Rows4 | undefined) ?? null };
}

// The API has no place for it, so that it is this browser's.
const startKey = (projectId: string) => `maquette.start.${projectId}`;

function keepStart(projectId: string, camera: StartCamera): void {
  localStorage.setItem(startKey(projectId), JSON.stringify(camera));
}

function startOf(projectId: string): StartCamera | null {
  try {
    return JSON.parse(localStorage.getItem(startKey(projectId)) ?? "null") as StartCamera | null;
  } catch {
    return null;
  }
}
