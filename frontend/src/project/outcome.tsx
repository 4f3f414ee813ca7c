import type { Run } from "@/api/connection";
import { count, decibels } from "@/ui/format";

/** What a finished run came to, in a line. */
export function Outcome({ run }: { run: Run }) {
  const text = told(run);
  const memory = Number(run.timings.peak_memory_mb);
  return (
    <p className="text-sm text-ink-soft">
      {text}
      {memory > 0 && ` Peak memory ${Math.round(memory).toLocaleString("en")} MB.`}
    </p>
  );
}

export function told({ step, result }: Pick<Run, "step" | "result">): string {
  const number = (name: string) => (typeof result[name] === "number" ? (result[name] as number) : null);
  switch (step) {
    case "upload": {
      const images = number("images");
      const usable = number("usable");
      if (images === null) return "";
      return usable === null || usable === images ? `${count(images, "photo")}, all usable.` : `${count(images, "photo")}, ${usable} usable.`;
    }
    case "generate": {
      const version = number("version");
      return version === null ? "" : `Version ${version}, ${decibels(number("psnr"))} on photos it has not seen.`;
    }
    case "refine": {
      const rounds = number("iterations_completed");
      if (rounds === null) return "";
      const end = result.converged === true ? "; more rounds would gain little" : "";
      const promoted = number("promoted_version");
      return `${count(rounds, "round")}${end}.${promoted === null ? " The promoted version stayed as it was." : ` Version ${promoted} is promoted now.`}`;
    }
    default:
      return typeof result.format === "string" ? `A .${result.format} file of version ${String(result.version)}.` : "";
  }
}
