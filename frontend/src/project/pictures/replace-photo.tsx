import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";

import { replaceImage, type Image } from "@/api/connection";
import { keys } from "@/api/keys";
import { Button } from "@/ui/button";
import { IconPhoto } from "@/ui/icons";
import { Failed } from "@/ui/states";
import { toast } from "@/ui/toast";

const NEXT = {
  refine: "Refine next: it makes this photo's view again.",
  generate: "Make the model anew for it to count.",
};

/** A better photo in this one's place; what was made from the old one is marked until it is made again. */
export function ReplacePhoto({ photo, projectId }: { photo: Image; projectId: string }) {
  const input = useRef<HTMLInputElement>(null);
  const queries = useQueryClient();
  const replace = useMutation({
    mutationFn: (file: File) => replaceImage({ path: { project_id: projectId, image_index: photo.image_index }, body: { file } }),
    onSuccess: async ({ changed, next_step }) => {
      toast(changed ? `“${photo.filename}” is replaced. ${next_step ? NEXT[next_step] : ""}` : "This very picture stood there already.");
      await queries.invalidateQueries({ queryKey: keys.project(projectId) });
    },
  });
  return (
    <div className="space-y-2">
      <input
        ref={input}
        type="file"
        accept="image/*,.heic,.heif"
        className="sr-only"
        tabIndex={-1}
        aria-label={`A photo in place of ${photo.filename}`}
        onChange={({ target }) => {
          const file = target.files?.[0];
          if (file) replace.mutate(file);
          target.value = "";
        }}
      />
      <Button size="sm" busy={replace.isPending} onClick={() => input.current?.click()}>
        <IconPhoto /> Replace this photo
      </Button>
      {replace.isError && <Failed failure={replace.error} />}
    </div>
  );
}
