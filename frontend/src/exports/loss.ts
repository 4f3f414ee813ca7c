import type { Export, FormatShape } from "@/api/connection";

/** Below this the third digit says nothing any more. */
const HARDLY_DB = 0.005;

interface Measured {
  loss_psnr_db: number;
  split: "held_out" | "training";
  views: number;
}

/** What a file shows less than what it was made from, in words; how it was found stands in `how`. */
export function lossWords(file: Pick<Export, "measured_loss" | "details" | "options">, format: FormatShape | undefined): { says: string; how: string | null } {
  const measured = file.measured_loss as Measured | null;
  if (measured) {
    const photos = measured.split === "held_out" ? "held-out photos" : "photos that the model was trained on";
    return { says: inDecibels(measured.loss_psnr_db, format?.kind === "mesh" ? "the full mesh" : "the model"), how: `Measured on ${measured.views} ${measured.views === 1 ? photos.replace("photos", "photo") : photos}` };
  }
  const why = file.details.loss_not_measured;
  if (typeof why === "string") return { says: "Loss not measured", how: sentence(why) };
  if (format?.kind === "project") return { says: "Lossless", how: "It holds every file as it is" };
  if (format?.lossless && !file.options.optimize) return { says: "Lossless", how: null };
  if (format?.kind === "mesh") return { says: "Loss not measured", how: "The mesh is written as it was made; its own quality stands with the version" };
  if (format?.kind === "points" || format?.kind === "cameras") return { says: "Loss not measured", how: `${sentence(format.kind)} cannot be compared with photos` };
  return { says: "Loss not measured", how: null };
}

function inDecibels(loss: number, than: string): string {
  if (Math.abs(loss) < HARDLY_DB) return `As good as ${than}`;
  return `${Math.abs(loss).toFixed(2)} dB ${loss > 0 ? "less" : "more"} than ${than}`;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
