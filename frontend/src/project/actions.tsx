import { lazy, Suspense, useState } from "react";

import type { Status } from "@/api/connection";
import { Link } from "@/app/navigation";
import { Button, buttonLook } from "@/ui/button";
import { IconCube, IconDownload, IconRefine, IconUpload } from "@/ui/icons";

const GenerateDialog = lazy(async () => ({ default: (await import("./generate-dialog")).GenerateDialog }));
const RefineDialog = lazy(async () => ({ default: (await import("./refine-dialog")).RefineDialog }));
const ExportDialog = lazy(async () => ({ default: (await import("./export-dialog")).ExportDialog }));

type Asked = "generate" | "refine" | "export" | null;

/** What can be done next; the likeliest of it stands out. */
export function Actions({ status }: { status: Status }) {
  const [asked, setAsked] = useState<Asked>(null);
  const { id } = status.project;
  const made = status.models.length > 0;
  const close = () => setAsked(null);
  return (
    <section aria-label="What to do next" className="grid gap-2 rounded-xl border border-line bg-surface p-4">
      {status.usable_images === 0 && (
        <Link to={`/projects/${id}/upload`} className={buttonLook("primary")}>
          <IconUpload /> Add photos
        </Link>
      )}
      {status.usable_images > 0 && (
        <Button tone={made || status.current_run ? "plain" : "primary"} onClick={() => setAsked("generate")}>
          <IconCube /> {made ? "Make the model anew" : "Make the model"}
        </Button>
      )}
      {made && (
        <>
          <Button tone="primary" onClick={() => setAsked("refine")}>
            <IconRefine /> Refine
          </Button>
          <Button onClick={() => setAsked("export")}>
            <IconDownload /> Export
          </Button>
        </>
      )}
      <Suspense>
        {asked === "generate" && <GenerateDialog projectId={id} onClose={close} />}
        {asked === "refine" && <RefineDialog projectId={id} models={status.models} onClose={close} />}
        {asked === "export" && <ExportDialog projectId={id} models={status.models} onClose={close} />}
      </Suspense>
    </section>
  );
}
