import { Dialog as Radix } from "radix-ui";
import { useState } from "react";

import type { DialogProps } from "./dialog";
import { IconCross } from "./icons";

/** Keeps the focus inside, gives it back afterwards, closes by Escape. */
export function DialogFrame({ open, onOpenChange, title, text, children, wide = false }: DialogProps) {
  // Radix gives the focus back to a trigger of its own, and these dialogs have none.
  const [opener] = useState(() => document.activeElement);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-shade" />
        <Radix.Content
          className={`fixed top-1/2 left-1/2 z-40 max-h-[90dvh] w-[calc(100vw-2rem)] ${wide ? "max-w-3xl" : "max-w-lg"} -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-xl border border-line bg-surface p-5 shadow-xl outline-none`}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
          }}
          {...(text ? {} : { "aria-describedby": undefined })}
        >
          <div className="mb-3 flex items-start gap-3">
            <Radix.Title className="grow text-lg">{title}</Radix.Title>
            <Radix.Close aria-label="Close" className="rounded-md p-1 text-ink-soft hover:bg-raised hover:text-ink">
              <IconCross />
            </Radix.Close>
          </div>
          {text && (
            <Radix.Description asChild>
              <div className="mb-4 text-ink-soft">{text}</div>
            </Radix.Description>
          )}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
