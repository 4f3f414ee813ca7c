import type { Project } from "@/api/connection";
import { IconCheck, IconInfo, IconWarning } from "@/ui/icons";
import { Words } from "@/ui/words";

interface Finding {
  code?: string;
  sentence?: string;
  action?: string;
}

/** What it says above all, and how it looks. */
export function headOf(status: string, made: boolean): [title: string, look: string, Icon: typeof IconInfo, colour: string] {
  if (made) return ["What would make the next model better", "border-line bg-surface", IconInfo, "text-ink-soft"];
  if (status === "ok") return ["These photos fit together", "border-good/30 bg-good-soft", IconCheck, "text-good"];
  const title = status === "rejected" ? "No model can be made of these photos yet" : "Before you go on";
  return [title, "border-warn/30 bg-warn-soft", IconWarning, "text-warn"];
}

interface SetVerdictProps {
  capture: Project["capture"] | undefined;
  /** There is a model: what was found is no warning any more, but tells what a better one needs. */
  made: boolean;
}

/** The doctor's word on the photos as a set, each finding with the one thing to do about it. */
export function SetVerdict({ capture, made }: SetVerdictProps) {
  if (!capture) return null;
  const findings = (Array.isArray(capture.reasons) ? capture.reasons : []) as Finding[];
  const [title, look, Icon, colour] = headOf(String(capture.status), made);
  if (made && findings.length === 0) return null;
  return (
    <section
      aria-label="The photos as a set"
      className={`flex gap-3 rounded-xl border p-4 ${look}`}
    >
      <Icon className={`mt-0.5 size-5 ${colour}`} />
      <div className="min-w-0 space-y-2">
        <h2 className="text-base">{title}</h2>
        {findings.length === 0 && <p className="text-sm">Nothing stands against a model of them.</p>}
        <ul className="space-y-1.5">
          {findings.map((finding) => (
            <li key={finding.code} className="text-sm wrap-anywhere">
              <Words text={finding.sentence} />{" "}
              <span className="text-ink-soft">
                <Words text={finding.action} />
              </span>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
