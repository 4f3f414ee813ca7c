import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";

import { changeProject, type ChosenStart, type Export, type Model, type Project, type Status, type View } from "@/api/connection";
import { keys } from "@/api/keys";
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
const FRAME = "relative aspect-4/3 max-h-[72dvh] max-sm:aspect-square min-h-64 w-full overflow-hidden rounded-xl border border-line bg-raised";

interface ShowcaseProps {
  project: Project;
  /** Null: the promoted version. */
  version: number | null;
  beside: number | null;
}

/** What the project looks like: the model to turn, or its photos before there is one. */
export function Showcase({ project, version, beside }: ShowcaseProps) {
  const projectId = project.id;
  const models = useQuery(modelsQuery(projectId));
  if (models.isPending) return <Skeleton className={FRAME} />;
  if (models.isError) {
    return (
      <div className={`${FRAME} grid content-center p-4`}>
        <Failed failure={models.error} retry={() => void models.refetch()} />
      </div>
    );
  }
  const promoted = models.data.find((model) => model.promoted);
  const shown = models.data.find((model) => model.version === version) ?? promoted ?? models.data.at(-1);
  if (!shown) return <Photos projectId={projectId} />;
  const other = models.data.find((model) => model.version === beside && model.version !== shown.version);
  const start = startOf(project.start_camera ?? null, shown, models.data);
  return <Shown key={projectId} project={project} start={start} model={shown} other={other ?? null} onRetry={async () => void (await models.refetch())} />;
}

interface ShownProps {
  project: Project;
  start: StartCamera | null;
  model: Model;
  other: Model | null;
  onRetry: () => Promise<void>;
}

function Shown({ project, start, model, other, onRetry }: ShownProps) {
  const projectId = project.id;
  const queries = useQueryClient();
  const views = useQuery(viewsQuery(projectId));
  const exports = useQuery(exportsQuery(projectId));
  const cameras = useMemo(() => framesOf(views.data ?? [], model.view_run_id), [views.data, model.view_run_id]);
  const mesh = useMemo(() => layerOf(exports.data ?? [], model.version, "glb"), [exports.data, model.version]);
  const points = useMemo(() => layerOf(exports.data ?? [], model.version, "pointcloud.ply"), [exports.data, model.version]);
  const source = useMemo(() => sourceOf(model), [model]);
  const compared = useMemo(() => other && sourceOf(other), [other]);
  const keepStart = async (camera: StartCamera) => {
    const changed = await changeProject({ path: { project_id: projectId }, body: { start_camera: { ...camera, version: model.version } as ChosenStart } });
    queries.setQueryData<Status>(keys.status(projectId), (status) => status && { ...status, project: changed });
  };
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
          onSaveStart={keepStart}
          onRetry={onRetry}
          title={`${project.name}, version ${model.version}`}
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

/** Where the owner wants looking to begin, if that was said in the world that the version lives in. */
export function startOf(
  chosen: ChosenStart | null,
  shown: Pick<Model, "view_run_id">,
  models: readonly Pick<Model, "version" | "view_run_id">[],
): StartCamera | null {
  const at = chosen && models.find((model) => model.version === chosen.version);
  return at?.view_run_id === shown.view_run_id ? chosen : null;
}
