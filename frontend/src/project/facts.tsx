import type { Status } from "@/api/connection";
import { bytes, count, decibels } from "@/ui/format";

/** A few numbers on how it stands. */
export function Facts({ status }: { status: Status }) {
  const { usage, models, images, usable_images: usable } = status;
  const chosen = models.find((model) => model.promoted);
  const rows: [string, string][] = [
    ["Photos", usable === images ? String(usable) : `${usable} usable of ${images}`],
    ["Stored", bytes(usage.stored_bytes)],
  ];
  if (chosen) {
    rows.unshift(
      ["Promoted version", models.length > 1 ? `${chosen.version}, of ${count(models.length, "version")}` : String(chosen.version)],
      ["PSNR, held-out photos", decibels(chosen.psnr)],
      ["SSIM, held-out photos", chosen.ssim?.toFixed(3) ?? "–"],
      ["Gaussians", chosen.num_gaussians.toLocaleString("en")],
    );
  }
  return (
    <dl className="divide-y divide-line rounded-xl border border-line bg-surface px-4 text-sm">
      {rows.map(([name, value]) => (
        <div key={name} className="flex justify-between gap-4 py-2">
          <dt className="text-ink-soft">{name}</dt>
          <dd className="text-right">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
