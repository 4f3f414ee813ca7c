import { Dialog } from "@/ui/dialog";

import { SharePanel } from "./share-panel";

export function ShareDialog({ projectId, onClose }: { projectId: string; onClose: () => void }) {
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Share the model"
      text="Whoever has a link can turn the model without signing in, and sees nothing else: no photos, no other project."
    >
      <SharePanel projectId={projectId} />
    </Dialog>
  );
}
