import { IconInfo, IconWarning } from "@/ui/icons";
import { Words } from "@/ui/words";

/** Something to know, or to do about: what, and the one thing that helps. */
export interface Finding {
  code?: string;
  message: string;
  suggestion?: string;
  /** A named fallback stood in for the real thing. */
  degraded?: boolean;
  /** Something is wrong, not only worth knowing. */
  wrong?: boolean;
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

export function Notice({ finding }: { finding: Finding }) {
  const warns = finding.degraded || finding.wrong;
  const Icon = warns ? IconWarning : IconInfo;
  return (
    <div className={`flex gap-2.5 rounded-md p-2.5 text-sm ${warns ? "bg-warn-soft" : "bg-raised"}`}>
      <Icon className={`mt-0.5 size-4 ${warns ? "text-warn" : "text-ink-soft"}`} />
      <div className="min-w-0 grow">
        <p className="wrap-anywhere">
          {finding.degraded && <span className="font-medium text-warn">Fallback: </span>}
          <Words text={finding.message} />
        </p>
        {finding.suggestion && (
          <p className="wrap-anywhere text-ink-soft">
            <Words text={finding.suggestion} />
          </p>
        )}
      </div>
    </div>
  );
}
