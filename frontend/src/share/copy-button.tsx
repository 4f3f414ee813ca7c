import { useState } from "react";

import { Button } from "@/ui/button";
import { IconCheck } from "@/ui/icons";
import { toastFailure } from "@/ui/toast";
import { ApiFailure } from "@/api/failure";

/** Copies text; says so where it was pressed, and to those who listen. */
export function CopyButton({ text, label, of }: { text: string; label: string; of: string }) {
  const [done, setDone] = useState(false);
  async function copy(): Promise<void> {
    try {
      // Absent where the page came over plain HTTP from another machine.
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 2000);
    } catch {
      toastFailure(new ApiFailure("no_clipboard", "This browser does not let the page copy.", "Select the text and copy it yourself.", 0));
    }
  }
  return (
    <Button size="sm" onClick={() => void copy()}>
      {done && <IconCheck />}
      <span aria-live="polite">{done ? "Copied" : label}</span>
      <span className="sr-only"> {of}</span>
    </Button>
  );
}
