/** The viewer. Light by itself: three and Spark come in a chunk of their own when a model is loaded. */

export { Viewer } from "./viewer";
export { ViewerError, type ViewerErrorCode } from "./problems";
export type { CameraFrame, Controls, LayerSource, Rows4, SplatKind, SplatSource, StartCamera, Vec3, ViewerProps } from "./types";
