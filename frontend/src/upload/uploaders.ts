import { tellActivity } from "./activity";
import { Uploader, type View } from "./uploader";

// They outlive the pages: an upload goes on while its owner looks at another project.
const byProject = new Map<string, Uploader>();
let unnamed: Uploader | null = null;

export function uploaderOf(projectId: string | null): Uploader {
  if (projectId === null) return (unnamed ??= guarded(new Uploader(null)));
  let uploader = byProject.get(projectId);
  if (!uploader) {
    uploader = guarded(new Uploader(projectId));
    byProject.set(projectId, uploader);
  }
  return uploader;
}

/** The upload without a project has got one. */
export function settleUnnamed(projectId: string): void {
  if (unnamed) byProject.set(projectId, unnamed);
  unnamed = null;
}

/** Whoever closes the page while files are on their way is asked first. */
function guarded(uploader: Uploader): Uploader {
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  uploader.subscribe(() => {
    const view = uploader.snapshot();
    if (view.active) addEventListener("beforeunload", ask);
    else removeEventListener("beforeunload", ask);
    tellActivity(view.active && view.projectId ? { projectId: view.projectId, percent: percentSent(view) } : null);
  });
  return uploader;
}

function percentSent({ items }: View): number {
  const total = items.reduce((sum, item) => sum + item.file.size, 0);
  return total ? Math.floor((100 * items.reduce((sum, item) => sum + item.sent, 0)) / total) : 0;
}
