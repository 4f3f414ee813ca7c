import { Dialog } from "radix-ui";
import type { KeyboardEvent } from "react";

import { IconChevron, IconCross } from "@/ui/icons";

import type { Tile } from "./gallery";

interface LightboxProps {
  tiles: readonly Tile[];
  at: number;
  onMove: (to: number) => void;
  onClose: () => void;
  /** It is gone: the moment to give the focus back. */
  onClosed: () => void;
}

const ROUND = "grid size-10 place-items-center rounded-full text-ink hover:bg-raised disabled:opacity-30";

/** One picture, as large as the screen lets it be. */
export function Lightbox({ tiles, at, onMove, onClose, onClosed }: LightboxProps) {
  const tile = tiles[at];
  if (!tile) return null;

  function onKey(event: KeyboardEvent): void {
    // Sliders and fields within keep their own arrow keys.
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    if (event.key === "ArrowLeft" && at > 0) onMove(at - 1);
    else if (event.key === "ArrowRight" && at < tiles.length - 1) onMove(at + 1);
    else return;
    event.preventDefault();
  }

  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-shade" />
        <Dialog.Content
          aria-describedby={undefined}
          onKeyDown={onKey}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            onClosed();
          }}
          className="fixed inset-0 z-40 flex flex-col overflow-y-auto bg-surface outline-none sm:inset-4 sm:rounded-xl sm:border sm:border-line lg:overflow-hidden"
        >
          <header className="sticky top-0 z-10 flex items-center gap-1 border-b border-line bg-surface px-3 py-1.5">
            <Dialog.Title className="min-w-0 grow truncate text-base">{tile.title}</Dialog.Title>
            <span className="px-2 text-sm whitespace-nowrap text-ink-soft">
              {at + 1} of {tiles.length}
            </span>
            <button type="button" className={ROUND} aria-label="The one before" disabled={at === 0} onClick={() => onMove(at - 1)}>
              <IconChevron className="size-5 rotate-180" />
            </button>
            <button type="button" className={ROUND} aria-label="The next one" disabled={at === tiles.length - 1} onClick={() => onMove(at + 1)}>
              <IconChevron className="size-5" />
            </button>
            <Dialog.Close className={ROUND} aria-label="Close">
              <IconCross className="size-5" />
            </Dialog.Close>
          </header>
          <div key={tile.id} className="flex grow flex-col lg:min-h-0 lg:flex-row">
            <div className="grid min-w-0 grow place-items-center bg-raised p-2 lg:min-h-0">{tile.large()}</div>
            {tile.about && (
              <div className="shrink-0 space-y-3 overflow-y-auto border-line p-4 text-sm max-lg:border-t lg:w-80 lg:border-l">{tile.about()}</div>
            )}
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
