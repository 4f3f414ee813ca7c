import { lazy, Suspense, type ReactNode } from "react";

// Radix and what keeps the page behind still weigh 15 kB: they come when a dialog first opens.
const DialogFrame = lazy(async () => ({ default: (await import("./dialog-frame")).DialogFrame }));

export interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** Read out with the title; what the dialog is about. */
  text?: ReactNode;
  children: ReactNode;
  wide?: boolean;
}

/** Keeps the focus inside, gives it back afterwards, closes by Escape. */
export function Dialog(props: DialogProps) {
  if (!props.open) return null;
  return (
    <Suspense>
      <DialogFrame {...props} />
    </Suspense>
  );
}

/** The row of buttons at a dialog's end; the last one does it. It stays in sight where the dialog is higher than the screen. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="sticky -bottom-5 -mx-5 mt-2 -mb-5 flex flex-wrap justify-end gap-2 rounded-b-xl bg-surface px-5 pt-3 pb-5">{children}</div>;
}
