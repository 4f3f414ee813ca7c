import type { LayerName } from "../types";

const NAMES: Record<LayerName, string> = { splats: "Splats", mesh: "Mesh", points: "Points", cameras: "Cameras" };
const SAYS: Record<LayerName, string> = {
  splats: "The soft Gaussians that were trained from the photos",
  mesh: "The textured surface",
  points: "Points found while placing the cameras",
  cameras: "Where the photos were taken; choose one to stand in it",
};

interface Props {
  layers: readonly LayerName[];
  shown: Record<LayerName, boolean>;
  /** Being fetched. */
  busy: LayerName | null;
  onToggle: (layer: LayerName) => void;
}

/** A switch for each layer there is. The number keys do the same. */
export function Layers({ layers, shown, busy, onToggle }: Props) {
  if (layers.length < 2) return null;
  return (
    <div className="mqv-bar mqv-layers" role="group" aria-label="Layers">
      {layers.map((layer, index) => (
        <button key={layer} type="button" className="mqv-chip" aria-pressed={shown[layer]} aria-busy={busy === layer} title={`${SAYS[layer]} (${index + 1})`} onClick={() => onToggle(layer)}>
          {NAMES[layer]}
        </button>
      ))}
    </div>
  );
}
