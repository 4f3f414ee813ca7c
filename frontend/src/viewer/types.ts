/** What the viewer is given. Frames are those of the API: the captured OpenCV world (x right, y down, z forward). */

export type Vec3 = readonly [number, number, number];

/** Rows of a 4x4 matrix, as the API gives `camera_from_world` and an export's `details.out_from_world`. */
export type Rows4 = readonly (readonly number[])[];

export type SplatKind = "ply" | "spz" | "splat" | "ksplat" | "sog";

/** One version's Gaussians. */
export interface SplatSource {
  /** Absent: there are no splats, only a mesh or points. */
  splatUrl?: string | null;
  kind?: SplatKind;
  /** What the file is called when versions are compared, e.g. "Version 2". */
  label?: string;
  /** Size of the file, told before it is loaded. */
  bytes?: number | null;
  /**
   * Says whether two URLs are the same file: signed URLs change with every answer, and the file must not be loaded
   * again for that. Default: the URL without its query.
   */
  key?: string;
  /** `out_from_world` of an exported file; absent: the file stands in the captured world. */
  outFromWorld?: Rows4 | null;
}

/** A mesh (GLB) or points (PLY) beside the splats; loaded when its layer is first shown. */
export interface LayerSource {
  url: string;
  bytes?: number | null;
  outFromWorld?: Rows4 | null;
}

/** A photo and the pinhole camera it was taken with: `camera_from_world` and pixels, pixel centres at +0.5. */
export interface CameraFrame {
  name: string;
  camera_from_world: Rows4;
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  width: number;
  height: number;
  imageUrl?: string | null;
}

/** Where looking begins; saved and given back as it is. World units, captured world. */
export interface StartCamera {
  position: Vec3;
  target: Vec3;
  up: Vec3;
  /** Field of view across the shorter side of where it is shown: of a wide window its height. */
  fov_deg: number;
}

export type Controls = "full" | "minimal" | "none";

export type LayerName = "splats" | "mesh" | "points" | "cameras";

export interface ViewerProps {
  model: SplatSource;
  /** A GLB. */
  mesh?: LayerSource | null;
  meshUrl?: string | null;
  /** A PLY of coloured points. */
  points?: LayerSource | null;
  pointsUrl?: string | null;
  /** Shown until the model is, and instead of it where loading is left to the visitor. */
  posterUrl?: string | null;
  cameras?: readonly CameraFrame[];
  /** Which way is up in the captured world; default: the cameras' own mean up, else -y. */
  up?: Vec3 | null;
  start?: StartCamera | null;
  /** A second version, shown right of a handle, with the same camera. */
  compareWith?: SplatSource | null;
  onSaveStart?: (start: StartCamera) => void | Promise<void>;
  /** Called before "Try again" loads anew: the moment to fetch fresh signed URLs. */
  onRetry?: () => void | Promise<void>;
  controls?: Controls;
  /**
   * Behind the Gaussians. "black" (default) is what they were trained before: the page's colour would shine through
   * all that is dark. "page" suits objects cut out of their photos.
   */
  background?: "black" | "page";
  /** "auto": at once, but on small screens and with Save-Data only after a tap. */
  load?: "auto" | "eager" | "tap";
  /** Name of what is seen, for screen readers and the file name of pictures. */
  title?: string;
  className?: string;
}
