import { useQuery } from "@tanstack/react-query";

import type { Image, Project } from "@/api/connection";
import { imagesQuery } from "@/api/queries";
import { Link } from "@/app/navigation";
import { SetVerdict } from "@/upload/set-verdict";
import { Badge } from "@/ui/badge";
import { buttonLook } from "@/ui/button";
import { count } from "@/ui/format";
import { IconUpload } from "@/ui/icons";
import { Empty, Failed } from "@/ui/states";

import { Findings, type Finding } from "../notice";
import { FactsList } from "./facts-list";
import { Gallery, GallerySkeleton, type Tile } from "./gallery";
import { ReplacePhoto } from "./replace-photo";

/** The photos with the doctor's word on each: what is wrong comes first. */
export function PhotosTab({ project, made }: { project: Project; made: boolean }) {
  const photos = useQuery(imagesQuery(project.id));
  if (photos.isPending) return <GallerySkeleton />;
  if (photos.isError) return <Failed failure={photos.error} retry={() => void photos.refetch()} />;
  const shown = photos.data.filter((photo) => photo.replaced_at === null && photo.kind !== "depth_render");
  const depths = photos.data.filter((photo) => photo.replaced_at === null && photo.kind === "depth_render");
  if (photos.data.length === 0) {
    return (
      <Empty
        title="No photos yet"
        text="20 to 40 sharp ones from all sides, each overlapping the last."
        action={
          <Link to={`/projects/${project.id}/upload`} className={buttonLook("primary")}>
            <IconUpload /> Add photos
          </Link>
        }
      />
    );
  }
  return (
    <div className="space-y-4">
      <SetVerdict capture={project.capture} made={made} />
      <p className="text-sm text-ink-soft">{summary(shown)}</p>
      <Gallery label="Photos" tiles={shown.toSorted(worstFirst).map((photo) => tileOf(photo, project.id))} />
      {depths.length > 0 && (
        <>
          <h3 className="text-base">Depth that came with them</h3>
          <Gallery label="Depth renders" tiles={depths.map((photo) => tileOf(photo, project.id))} />
        </>
      )}
    </div>
  );
}

/** What is wrong with a photo or keeps it out of the model, worst first. */
export function findingsOn(photo: Image): Finding[] {
  const found: Finding[] = photo.reasons.map((reason) => ({ ...reason, wrong: photo.verdict === "rejected" }));
  if (photo.placed === false && photo.placed_reason) {
    found.push({ code: "not_placed", message: photo.placed_reason, wrong: true });
  }
  return found;
}

export function worstFirst(a: Image, b: Image): number {
  return badness(b) - badness(a) || a.image_index - b.image_index;
}

function badness(photo: Image): number {
  if (photo.verdict === "rejected") return 3;
  if (photo.placed === false) return 2;
  return photo.verdict === "warning" ? 1 : 0;
}

export function summary(photos: readonly Image[]): string {
  const rejected = photos.filter((photo) => photo.verdict === "rejected").length;
  const placed = photos.filter((photo) => photo.placed === true).length;
  const unplaced = photos.filter((photo) => photo.placed === false).length;
  const parts = [count(photos.length, "photo")];
  if (rejected) parts.push(`${rejected} not usable`);
  if (placed + unplaced) parts.push(`${placed} in the model`);
  if (unplaced) parts.push(`${unplaced} could not be placed`);
  return `${parts.join(", ")}.`;
}

function tileOf(photo: Image, projectId: string): Tile {
  const url = photo.processed_url ?? photo.original_url;
  const findings = findingsOn(photo);
  return {
    id: photo.id,
    title: photo.filename,
    thumbnail: url,
    line: findings[0]?.message ?? (photo.placed ? "In the model" : "Fine"),
    mark: (
      <>
        {photo.verdict === "rejected" && <Badge tone="bad">Not usable</Badge>}
        {photo.verdict === "warning" && <Badge tone="warn">Look at it</Badge>}
        {photo.placed === false && <Badge tone="warn">Not placed</Badge>}
        {photo.stale && <Badge tone="warn">Out of date</Badge>}
      </>
    ),
    large: () => (url ? <img src={url} alt={photo.filename} className="max-h-full max-w-full object-contain" /> : null),
    about: () => (
      <>
        {findings.length > 0 ? <Findings findings={findings} /> : <p>Nothing is wrong with this photo.</p>}
        <FactsList rows={factsOf(photo)} />
        {photo.kind === "photo" && <ReplacePhoto photo={photo} projectId={projectId} />}
      </>
    ),
  };
}

function factsOf(photo: Image): (readonly [string, string | null])[] {
  const { details } = photo;
  const number = (name: string) => (typeof details[name] === "number" ? (details[name] as number).toLocaleString("en") : null);
  const size = photo.width ? `${photo.width} × ${photo.height} px` : null;
  return [
    ["Size", size],
    ["As sent", photo.original_width && photo.original_width !== photo.width ? `${photo.original_width} × ${photo.original_height} px` : null],
    ["Sharpness", photo.sharpness?.toFixed(0) ?? null],
    ["Brightness", photo.exposure === null ? null : `${Math.round(photo.exposure * 100)} %`],
    ["Camera", typeof details.camera_model === "string" ? details.camera_model : null],
    ["Points found in it", number("features")],
    ["Photos it matches", number("matched_photos")],
    ["Points it shares", number("points")],
    ["Of the video at", typeof details.time_s === "number" ? `${(details.time_s as number).toFixed(1)} s` : null],
  ];
}
