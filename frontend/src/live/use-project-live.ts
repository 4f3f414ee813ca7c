import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { followLater } from "./later";

/** Keeps everything that is shown of a project as the server has it, for as long as the page is open. */
export function useProjectLive(projectId: string): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      followLater(async () => {
        const { followProject } = await import("./followed-project");
        return () => followProject(queries, projectId);
      }),
    [queries, projectId],
  );
}
