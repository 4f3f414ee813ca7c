import { useRef, useState } from "react";

import type { ProjectCard } from "@/api/connection";
import { IconMore, IconPen, IconTrash } from "@/ui/icons";
import { Menu, MenuItem } from "@/ui/menu";

import { DeleteDialog } from "./delete-dialog";
import { RenameDialog } from "./rename-dialog";

export function CardMenu({ project }: { project: ProjectCard }) {
  const [open, setOpen] = useState<"rename" | "delete" | null>(null);
  const trigger = useRef<HTMLButtonElement>(null);

  function close(): void {
    setOpen(null);
    // The dialog would give the focus back to the menu's item, which has gone.
    setTimeout(() => trigger.current?.focus());
  }

  return (
    <>
      <Menu
        defaultOpen
        trigger={
          <button
            ref={trigger}
            type="button"
            aria-label={`More about ${project.name}`}
            className="grid size-8 place-items-center rounded-md text-ink-soft hover:bg-raised hover:text-ink"
          >
            <IconMore />
          </button>
        }
      >
        <MenuItem icon={<IconPen />} onSelect={() => setOpen("rename")}>
          Rename
        </MenuItem>
        <MenuItem icon={<IconTrash />} danger onSelect={() => setOpen("delete")}>
          Delete
        </MenuItem>
      </Menu>
      {open === "rename" && <RenameDialog project={project} onClose={close} />}
      {open === "delete" && <DeleteDialog project={project} onClose={close} />}
    </>
  );
}
