import { lazy, Suspense, useState } from "react";

import type { ProjectCard } from "@/api/connection";
import { Link } from "@/app/navigation";
import { Badge } from "@/ui/badge";
import { age, count, decibels } from "@/ui/format";
import { IconMore, IconPhoto } from "@/ui/icons";
import { Progress } from "@/ui/progress";
import { Skeleton } from "@/ui/states";

import { STATES } from "./states";

// Menus and dialogs bring their own weight; who only looks does not wait for it.
const CardMenu = lazy(async () => ({ default: (await import("./card-menu")).CardMenu }));

export function Card({ project }: { project: ProjectCard }) {
  const state = STATES[project.status];
  return (
    <article className="group relative overflow-hidden rounded-xl border border-line bg-surface transition-shadow focus-within:shadow-md hover:shadow-md">
      <Poster url={project.poster_url} />
      <div className="flex items-start gap-2 p-3">
        <div className="min-w-0 grow space-y-1">
          <h2 dir="auto" className="truncate text-left text-base">
            {/* The link covers the card; the menu lies above it. */}
            <Link to={`/projects/${project.id}`} className="after:absolute after:inset-0 after:rounded-xl" title={project.name}>
              {project.name}
            </Link>
          </h2>
          <p className="truncate text-sm text-ink-soft">
            {count(project.photos, "photo")} · {age(project.created_at)}
          </p>
          <p className="flex min-h-6 items-center gap-2 text-sm text-ink-soft">
            <Badge tone={state.tone}>{state.word}</Badge>
            {project.versions > 0 && (
              <span className="truncate">
                {count(project.versions, "version")}
                {project.psnr !== null && ` · ${decibels(project.psnr)}`}
              </span>
            )}
          </p>
        </div>
        <div className="relative z-10 -mt-1 -mr-1">
          <MenuWhenAsked project={project} />
        </div>
      </div>
      {/* Its place is kept when there is none, so that the grid does not move when work begins. */}
      <div className="h-1.5">
        {project.status === "processing" && (
          <Progress
            percent={project.progress_percentage}
            label={`Progress of ${project.current_step ?? "the step"}`}
            className="rounded-none"
          />
        )}
      </div>
    </article>
  );
}

function Poster({ url }: { url: string | null }) {
  const [broken, setBroken] = useState(false);
  return (
    <div className="relative aspect-4/3 bg-raised">
      {url && !broken ? (
        <img
          src={url}
          alt=""
          loading="lazy"
          decoding="async"
          onError={() => setBroken(true)}
          className="absolute inset-0 size-full object-cover"
        />
      ) : (
        <div className="grid size-full place-items-center text-line-strong">
          <IconPhoto className="size-10" />
        </div>
      )}
    </div>
  );
}

/** The button is there at once and fetches its menu when it is first used; it opens as soon as that is there. */
function MenuWhenAsked({ project }: { project: ProjectCard }) {
  const [asked, setAsked] = useState(false);
  const button = (
    <button
      type="button"
      aria-label={`More about ${project.name}`}
      aria-haspopup="menu"
      onClick={() => setAsked(true)}
      className="grid size-8 place-items-center rounded-md text-ink-soft hover:bg-raised hover:text-ink"
    >
      <IconMore />
    </button>
  );
  if (!asked) return button;
  return (
    <Suspense fallback={button}>
      <CardMenu project={project} />
    </Suspense>
  );
}

export function CardSkeleton() {
  return (
    <div className="overflow-hidden rounded-xl border border-line bg-surface">
      <Skeleton className="aspect-4/3 rounded-none" />
      <div className="space-y-2 p-3 pb-4.5">
        <Skeleton className="h-5 w-2/3" />
        <Skeleton className="h-4 w-1/2" />
        <Skeleton className="h-6 w-20" />
      </div>
    </div>
  );
}
