import type { ExportParameters, FormatShape } from "@/api/connection";

/** What the form holds; numbers as they were typed. */
export interface Wanted {
  version: number | null;
  preset: "" | "fastest" | "balanced" | "quality";
  optimize: boolean;
  filterFloaters: boolean;
  upAxis: NonNullable<ExportParameters["up_axis"]>;
  scale: string;
  origin: NonNullable<ExportParameters["origin"]>;
  cropped: boolean;
  /** xmin, ymin, zmin, xmax, ymax, zmax. */
  crop: readonly string[];
  light: boolean;
}

export const AS_USUAL: Wanted = {
  version: null,
  preset: "",
  optimize: false,
  filterFloaters: false,
  upAxis: "auto",
  scale: "1",
  origin: "captured",
  cropped: false,
  crop: ["-1", "-1", "-1", "1", "1", "1"],
  light: false,
};

export interface Applies {
  optimize: boolean;
  preset: boolean;
  filterFloaters: boolean;
  /** Up axis, scale, origin and crop. */
  placing: boolean;
  light: boolean;
}

/** Which options a format knows; the others are neither shown nor sent. */
export function applies(format: FormatShape): Applies {
  const shown = ["gaussians", "mesh", "points"].includes(format.kind);
  return {
    optimize: format.optimizations.length > 0,
    preset: format.kind === "mesh",
    filterFloaters: shown,
    placing: shown || format.kind === "cameras",
    light: format.kind === "project",
  };
}

/** What is wrong with what was typed, by field. */
export function problemsOf(wanted: Wanted, format: FormatShape): { scale?: string; crop?: string } {
  const problems: { scale?: string; crop?: string } = {};
  if (!applies(format).placing) return problems;
  const scale = number(wanted.scale);
  if (!(scale > 0 && scale <= 1e6)) problems.scale = "A number above 0, at most 1,000,000.";
  if (wanted.cropped) {
    const box = wanted.crop.map(number);
    if (box.some((value) => !Number.isFinite(value))) problems.crop = "Six numbers.";
    else if ([0, 1, 2].some((axis) => box[axis]! >= box[axis + 3]!)) problems.crop = "Each “to” has to be above its “from”.";
  }
  return problems;
}

export function parametersOf(wanted: Wanted, format: FormatShape): ExportParameters {
  const can = applies(format);
  return {
    format: format.name,
    version: wanted.version,
    ...(can.optimize && wanted.optimize ? { optimize: true } : {}),
    ...(can.preset && wanted.preset ? { preset: wanted.preset } : {}),
    ...(can.filterFloaters && wanted.filterFloaters ? { filter_floaters: true } : {}),
    ...(can.placing ? { up_axis: wanted.upAxis, scale: number(wanted.scale), origin: wanted.origin } : {}),
    ...(can.placing && wanted.cropped ? { crop: wanted.crop.map(number) as NonNullable<ExportParameters["crop"]> } : {}),
    ...(can.light && wanted.light ? { light: true } : {}),
  };
}

/** The form as it was when a file was made. */
export function wantedFor(version: number, options: Readonly<Record<string, unknown>>): Wanted {
  const given = options as ExportParameters;
  return {
    version,
    preset: given.preset ?? "",
    optimize: given.optimize ?? false,
    filterFloaters: given.filter_floaters ?? false,
    upAxis: given.up_axis ?? "auto",
    scale: String(given.scale ?? 1),
    origin: given.origin ?? "captured",
    cropped: Boolean(given.crop),
    crop: given.crop?.map(String) ?? AS_USUAL.crop,
    light: given.light ?? false,
  };
}

const AXES: Record<string, string> = { y: "y up", "-y": "y down", z: "z up", captured: "as captured" };
const ORIGINS: Record<string, string> = { center: "middle at 0", ground: "ground at 0" };

/** What of a file's options is out of the usual, in words. */
export function optionWords(options: Readonly<Record<string, unknown>>): string[] {
  const given = options as ExportParameters;
  return [
    given.optimize && "made smaller",
    given.preset && `${given.preset} mesh`,
    given.filter_floaters && "without floaters",
    AXES[given.up_axis ?? "auto"],
    given.scale !== undefined && given.scale !== 1 && `scaled by ${given.scale}`,
    ORIGINS[given.origin ?? "captured"],
    given.crop && "cropped",
    given.light && "without intermediates",
  ].filter((word): word is string => Boolean(word));
}

function number(typed: string): number {
  return typed.trim() === "" ? Number.NaN : Number(typed.replace(",", "."));
}
