import type { Project } from "@/api/connection";
import { IconCheck, IconWarning } from "@/ui/icons";

interface Finding {
  code?: string;
  sentence?: string;
  action?: string;
}

const TITLES: Record<string, string> = {
  ok: "These photos fit together",
  warning: "Before you go on",
  rejected: "No model can be made of these photos yet",
};

/** The doctor's word on the photos as a set, each finding with the one thing to do about it. */
export function SetVerdict({ capture }: { capture: Project["capture"] | undefined }) {
  if (!capture) return null;
  const findings = (Array.isArray(capture.reasons) ? capture.reasons : []) as Finding[];
  const good = capture.status === "ok";
  return (
    <section
      aria-label="The photos as a set"
      className={`flex gap-3 rounded-xl border p-4 ${good ? "border-good/30 bg-good-soft" : "border-warn/30 bg-warn-soft"}`}
    >
      {good ? <IconCheck className="mt-0.5 size-5 text-good" /> : <IconWarning className="mt-0.5 size-5 text-warn" />}
      <div className="space-y-2">
        <h2 className="text-base">{TITLES[String(capture.status)] ?? "Before you go on"}</h2>
        {findings.length === 0 && <p className="text-sm">Nothing stands against a model of them.</p>}
        <ul className="space-y-1.5">
          {findings.map((finding) => (
            <li key={finding.code} className="text-sm">
              {finding.sentence} <span className="text-ink-soft">{finding.action}</span>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
