import { Button } from "@/ui/button";
import { TextField } from "@/ui/field";
import { IconUpload } from "@/ui/icons";

import { Options } from "./options";
import type { Options as Chosen } from "./send";

interface SendFormProps {
  /** Null: the project has one. */
  name: string | null;
  placeholder: string;
  onName: (name: string) => void;
  /** What goes, in words. */
  what: string;
  /** Null: there is nothing to choose. */
  options: Chosen | null;
  onOptions: (options: Chosen) => void;
  video: boolean;
  onSend: () => void;
}

/** The last look before the files go: the project's name, and how they are taken in. */
export function SendForm({ name, placeholder, onName, what, options, onOptions, video, onSend }: SendFormProps) {
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        onSend();
      }}
    >
      <div className="flex flex-wrap items-end gap-3">
        {name !== null && (
          <div className="min-w-52 grow">
            <TextField
              label="Name of the project"
              value={name}
              maxLength={200}
              placeholder={placeholder}
              onChange={(event) => onName(event.target.value)}
            />
          </div>
        )}
        <Button type="submit" tone="primary">
          <IconUpload /> Send {what}
        </Button>
      </div>
      {options && <Options options={options} onChange={onOptions} video={video} />}
    </form>
  );
}
