import { FileTile } from "./file-tile";
import type { Item } from "./item";

interface FileListProps {
  items: readonly Item[];
  onRemove: ((id: string) => void) | null;
}

export function FileList({ items, onRemove }: FileListProps) {
  return (
    <ul className="grid grid-cols-[repeat(auto-fill,minmax(9.5rem,1fr))] items-start gap-3" aria-label="Files">
      {items.map((item) => (
        <FileTile key={item.id} item={item} onRemove={onRemove} />
      ))}
    </ul>
  );
}
