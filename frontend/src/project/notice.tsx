import type { ReactNode } from "react";

import { IconInfo, IconWarning } from "@/ui/icons";

/** Something to know, or to do about: what, and the one thing that helps. */
export interface Finding {
  code?: string;
  message: string;
  suggestion?: string;
  /** A named fallback stood in for the real thing. */
  degraded?: boolean;
}

/** Warnings of a run as the API keeps them. */
export function findingsOf(warnings: readonly Record<string, unknown>[]): Finding[] {
  return warnings.map((warning) => ({
    code: String(warning.code ?? ""),
    message: String(warning.message ?? warning.code ?? "Something was noted."),
    suggestion: String(warning.suggestion ?? ""),
    degraded: warning.degraded === true,
  }));
}

export function Findings({ findings }: { findings: readonly Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul className="space-y-2">
      {findings.map((finding, index) => (
        <li key={`${finding.code}-${index}`}>
          <Notice finding={finding} />
        </li>
      ))}
    </ul>
  );
}

export function Notice({ finding, children }: { finding: Finding; children?: ReactNode }) {
  const Icon = finding.degraded ? IconWarning : IconInfo;
  return (
    <div className={`flex gap-2.5 rounded-md p-2.5 text-sm ${finding.degraded ? "bg-warn-soft" : "bg-raised"}`}>
      <Icon className={`mt-0.5 size-4 ${finding.degraded ? "text-warn" : "text-ink-soft"}`} />
      <div className="min-w-0 grow">
        <p className="wrap-anywhere">
          {finding.degraded && <span className="font-medium text-warn">Fallback: </span>}
          {finding.message}
        </p>
        {finding.suggestion && <p className="wrap-anywhere text-ink-soft">{finding.suggestion}</p>}
        {children}
      </div>
    </div>
  );
}
