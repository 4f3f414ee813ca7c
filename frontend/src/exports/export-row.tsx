import type { Export, FormatShape } from "@/api/connection";
import { Button, buttonLook } from "@/ui/button";
import { age, bytes } from "@/ui/format";
import { IconDownload, IconRetry } from "@/ui/icons";

import { lossWords } from "./loss";
import { optionWords } from "./options";

interface ExportRowProps {
  file: Export;
  format: FormatShape | undefined;
  onAgain: () => void;
}

export function ExportRow({ file, format, onAgain }: ExportRowProps) {
  const loss = lossWords(file, format);
  const options = optionWords(file.options);
  return (
    <li className="grid gap-x-4 gap-y-1 p-4 sm:grid-cols-[minmax(0,1fr)_auto]">
      <div className="min-w-0 space-y-0.5">
        <p className="flex flex-wrap items-baseline gap-x-2.5">
          <span className="font-medium">{format?.extension ?? file.format}</span>
          <span className="text-sm tabular-nums">{bytes(file.bytes)}</span>
          <span className="text-sm text-ink-soft">
            {[format?.kind === "project" ? null : `version ${file.version}`, ...options, age(file.created_at)].filter(Boolean).join(" · ")}
          </span>
        </p>
        <p className="text-sm">
          {loss.says}
          {loss.how && <span className="text-ink-soft">. {loss.how}.</span>}
        </p>
        {format && <p className="text-sm text-ink-soft">Opens in {format.opens_in.join(", ")}</p>}
      </div>
      {file.download_url ? (
        <a href={file.download_url} download className={`${buttonLook("plain", "sm")} self-center justify-self-start`}>
          <IconDownload /> Download<span className="sr-only"> {format?.extension ?? file.format}, version {file.version}</span>
        </a>
      ) : (
        <div className="flex items-center gap-2 self-center text-sm text-ink-soft">
          Has been removed
          <Button size="sm" onClick={onAgain}>
            <IconRetry /> Make it again
          </Button>
        </div>
      )}
    </li>
  );
}
