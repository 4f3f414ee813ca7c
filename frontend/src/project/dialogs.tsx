import { lazy, Suspense } from "react";

import type { Status } from "@/api/connection";

export type Asked = { step: "generate" } | { step: "refine"; from: number | null } | { step: "export" };

const GenerateDialog = lazy(async () => ({ default: (await import("./forms/generate-dialog")).GenerateDialog }));
const RefineDialog = lazy(async () => ({ default: (await import("./forms/refine-dialog")).RefineDialog }));
const ExportDialog = lazy(async () => ({ default: (await import("@/exports/export-dialog")).ExportDialog }));

/** The form of the step that was asked for; fetched when it first is. */
export function Dialogs({ asked, status, onClose }: { asked: Asked | null; status: Status; onClose: () => void }) {
  return (
    <Suspense>
      {asked?.step === "generate" && <GenerateDialog status={status} onClose={onClose} />}
      {asked?.step === "refine" && <RefineDialog status={status} from={asked.from} onClose={onClose} />}
      {asked?.step === "export" && <ExportDialog projectId={status.project.id} models={status.models} onClose={onClose} />}
    </Suspense>
  );
}
