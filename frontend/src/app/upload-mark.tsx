import { useActivity } from "@/upload/activity";
import { IconUpload } from "@/ui/icons";

import { Link, usePlace } from "./navigation";

/** The way back to an upload that goes on while its owner looks at something else. */
export function UploadMark() {
  const activity = useActivity();
  const { path } = usePlace();
  const address = activity && `/projects/${activity.projectId}/upload`;
  if (!activity || !address || path === address) return null;
  return (
    <Link to={address} className="inline-flex items-center gap-1.5 rounded-md text-sm text-accent">
      <IconUpload /> {activity.percent} %<span className="sr-only"> of the files are sent; back to the upload</span>
    </Link>
  );
}
