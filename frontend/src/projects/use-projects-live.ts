import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { followLater } from "@/live/later";

/** Keeps the cards as their projects are, for as long as the page is open. */
export function useProjectsLive(): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      followLater(async () => {
        const { followProjects } = await import("./followed-projects");
        return () => followProjects(queries);
      }),
    [queries],
  );
}
