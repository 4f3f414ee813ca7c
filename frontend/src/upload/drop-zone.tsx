import { useRef, useState, type DragEvent } from "react";

import { Button } from "@/ui/button";
import { IconFolder, IconPhoto, IconUpload } from "@/ui/icons";

import type { Chosen } from "./checks";
import { chosenFiles, droppedFiles } from "./intake";
import { ACCEPT } from "./kinds";

interface DropZoneProps {
  onChosen: (chosen: Chosen[]) => void;
  /** A narrow strip, once there are files. */
  small: boolean;
}

export function DropZone({ onChosen, small }: DropZoneProps) {
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  async function drop(event: DragEvent): Promise<void> {
    event.preventDefault();
    setOver(false);
    onChosen(await droppedFiles(event.dataTransfer));
  }

  function take(input: HTMLInputElement): void {
    if (input.files) onChosen(chosenFiles(input.files));
    // So that the same files can be chosen again.
    input.value = "";
  }

  return (
    <section
      aria-label="Add files"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => void drop(event)}
      className={`rounded-xl border-2 border-dashed text-center transition-colors ${over ? "border-accent bg-accent-soft" : "border-line-strong/60 bg-surface"} ${small ? "p-4" : "px-6 py-12"}`}
    >
      {!small && <IconUpload className="mx-auto mb-3 size-9 text-accent" />}
      <p className={small ? "sr-only" : "text-lg font-medium"}>
        <span className="pointer-coarse:hidden">Drop photos, a folder, a video or a ZIP here</span>
        <span className="hidden pointer-coarse:inline">Choose photos, a video or a ZIP</span>
      </p>
      {!small && (
        <p className="mx-auto mt-1 max-w-lg text-sm text-ink-soft">
          20 to 40 sharp photos from all sides are best, each overlapping the last. JPEG, PNG, WEBP, TIFF or HEIC; MP4,
          MOV, AVI, MKV or WEBM.
        </p>
      )}
      <div className={`flex flex-wrap items-center justify-center gap-2 ${small ? "" : "mt-5"}`}>
        <Button tone={small ? "plain" : "primary"} size={small ? "sm" : "md"} onClick={() => files.current?.click()}>
          <IconPhoto /> {small ? "Add files" : "Choose files"}
        </Button>
        <Button size={small ? "sm" : "md"} onClick={() => folder.current?.click()}>
          <IconFolder /> {small ? "Add a folder" : "Choose a folder"}
        </Button>
        {small && <span className="hidden text-sm text-ink-soft sm:inline">or drop more here</span>}
      </div>
      <input ref={files} type="file" multiple hidden accept={ACCEPT} aria-label="Files" onChange={(event) => take(event.target)} />
      <input ref={folder} type="file" multiple hidden webkitdirectory="" aria-label="Folder" onChange={(event) => take(event.target)} />
    </section>
  );
}

declare module "react" {
  interface InputHTMLAttributes<T> {
    /** Choose a folder with all that is in it; React has no name for it yet. `T` belongs to the declaration. */
    webkitdirectory?: T extends HTMLInputElement ? string : never;
  }
}
