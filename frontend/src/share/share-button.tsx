import { lazy, Suspense, useState } from "react";

import { Button } from "@/ui/button";
import { IconShare } from "@/ui/icons";

const ShareDialog = lazy(async () => ({ default: (await import("./share-dialog")).ShareDialog }));

/** For the project's header. */
export function ShareButton({ projectId }: { projectId: string }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button tone="quiet" size="sm" onClick={() => setOpen(true)}>
        <IconShare /> Share
      </Button>
      <Suspense>{open && <ShareDialog projectId={projectId} onClose={() => setOpen(false)} />}</Suspense>
    </>
  );
}
