import type { Status } from "@/api/connection";
import { Link } from "@/app/navigation";
import { Button, buttonLook } from "@/ui/button";
import { IconCube, IconDownload, IconRefine, IconUpload } from "@/ui/icons";

import type { Asked } from "./dialogs";

/** What can be done next; the likeliest of it stands out. */
export function Actions({ status, onAsk }: { status: Status; onAsk: (asked: Asked) => void }) {
  const { id } = status.project;
  const made = status.models.length > 0;
  return (
    <section aria-label="What to do next" className="flex flex-wrap gap-2 *:grow">
      {status.usable_images === 0 && !made && (
        <Link to={`/projects/${id}/upload`} className={buttonLook("primary")}>
          <IconUpload /> Add photos
        </Link>
      )}
      {made && (
        <Button tone="primary" className="px-3" onClick={() => onAsk({ step: "refine", from: null })}>
          <IconRefine /> Refine
        </Button>
      )}
      {status.usable_images > 0 && (
        <Button tone={made ? "plain" : "primary"} className="px-3" onClick={() => onAsk({ step: "generate" })}>
          <IconCube /> {made ? "Make anew" : "Make the model"}
        </Button>
      )}
      {made && (
        <Button className="px-3" onClick={() => onAsk({ step: "export" })}>
          <IconDownload /> Export
        </Button>
      )}
    </section>
  );
}
