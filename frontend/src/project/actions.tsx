import type { Status } from "@/api/connection";
import { Button } from "@/ui/button";
import { IconCube, IconDownload, IconRefine } from "@/ui/icons";

import type { Asked } from "./dialogs";

/** What can be done next; the likeliest of it stands out. */
export function Actions({ status, onAsk }: { status: Status; onAsk: (asked: Asked) => void }) {
  const made = status.models.length > 0;
  // While something is at work, nothing more has to be asked for.
  const likely = status.current_run ? "plain" : "primary";
  if (!made && status.usable_images === 0) return null;
  return (
    <section aria-label="What to do next" className="flex flex-wrap gap-2 *:grow">
      {made && (
        <Button tone={likely} className="px-3 max-sm:px-2 max-sm:text-sm" onClick={() => onAsk({ step: "refine", from: null })}>
          <IconRefine /> Refine
        </Button>
      )}
      {status.usable_images > 0 && (
        <Button tone={made ? "plain" : likely} className="px-3 max-sm:px-2 max-sm:text-sm" onClick={() => onAsk({ step: "generate" })}>
          <IconCube /> {made ? "Make anew" : "Make the model"}
        </Button>
      )}
      {made && (
        <Button className="px-3 max-sm:px-2 max-sm:text-sm" onClick={() => onAsk({ step: "export" })}>
          <IconDownload /> Export
        </Button>
      )}
    </section>
  );
}
