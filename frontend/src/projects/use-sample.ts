import { useMutation, useQueryClient } from "@tanstack/react-query";

import { openSampleProject } from "@/api/connection";
import { keys } from "@/api/keys";
import { navigate } from "@/app/navigation";

/** Opens the ready sample: the visitor's own copy of it, made at the first call. */
export function useSample() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => openSampleProject(),
    onSuccess: (project) => {
      navigate(`/projects/${project.id}`);
      void queries.invalidateQueries({ queryKey: keys.projects });
    },
  });
}
