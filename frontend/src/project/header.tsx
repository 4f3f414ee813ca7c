import { lazy, Suspense, useState } from "react";

import type { Project } from "@/api/connection";
import { Link, navigate } from "@/app/navigation";
import { STATES } from "@/projects/states";
import { ShareButton } from "@/share/share-button";
import { Badge } from "@/ui/badge";
import { Button, buttonLook } from "@/ui/button";
import { IconPen, IconTrash, IconUpload } from "@/ui/icons";

// Dialogs are fetched when they are asked for.
const RenameDialog = lazy(async () => ({ default: (await import("@/projects/rename-dialog")).RenameDialog }));
const DeleteDialog = lazy(async () => ({ default: (await import("@/projects/delete-dialog")).DeleteDialog }));

export function Header({ project }: { project: Project }) {
  const [asked, setAsked] = useState<"rename" | "delete" | null>(null);
  const { word, tone } = STATES[project.status];
  return (
    <header className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <div className="min-w-0 grow basis-96 max-sm:basis-full">
        <Link to="/" className="text-sm text-ink-soft underline-offset-4 hover:underline">
          Projects
        </Link>
        <h1 className="flex items-center gap-3 text-2xl tracking-tight">
          <span dir="auto" className="line-clamp-2 min-w-0 text-wrap wrap-anywhere" title={project.name}>
            {project.name}
          </span>
          <Badge tone={tone}>{word}</Badge>
        </h1>
      </div>
      <div className="flex flex-wrap gap-1">
        <Link to={`/projects/${project.id}/upload`} className={buttonLook("plain", "sm")}>
          <IconUpload /> Add photos
        </Link>
        <ShareButton projectId={project.id} />
        <Button tone="quiet" size="sm" onClick={() => setAsked("rename")}>
          <IconPen /> <span className="max-sm:sr-only">Rename</span>
        </Button>
        <Button tone="quiet" size="sm" onClick={() => setAsked("delete")}>
          <IconTrash /> <span className="max-sm:sr-only">Delete</span>
        </Button>
      </div>
      <Suspense>
        {asked === "rename" && <RenameDialog project={project} onClose={() => setAsked(null)} />}
        {asked === "delete" && (
          <DeleteDialog project={project} onClose={() => setAsked(null)} onDeleted={() => navigate("/", { replace: true })} />
        )}
      </Suspense>
    </header>
  );
}
