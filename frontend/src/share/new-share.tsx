import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { createShare, type ModelSummary } from "@/api/connection";
import { keys } from "@/api/keys";
import { Button } from "@/ui/button";
import { CheckField, SelectField, TextField } from "@/ui/field";
import { Failed } from "@/ui/states";

import { expiryOf, type Lasts } from "./states";

interface NewShareProps {
  projectId: string;
  name: string;
  models: readonly ModelSummary[];
}

export function NewShare({ projectId, name, models }: NewShareProps) {
  const [title, setTitle] = useState("");
  const [lasts, setLasts] = useState<Lasts>("ever");
  const [version, setVersion] = useState<number | null>(null);
  const [allowDownload, setAllowDownload] = useState(false);
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: () =>
      createShare({
        path: { project_id: projectId },
        body: { title: title.trim() || null, version, allow_download: allowDownload, expires_at: expiryOf(lasts) },
      }),
    onSuccess: async () => {
      setTitle("");
      await queries.invalidateQueries({ queryKey: keys.list(projectId, "shares") });
    },
  });
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <TextField label="Title" maxLength={200} placeholder={name} value={title} onChange={(event) => setTitle(event.target.value)} hint="Visitors read it above the model." />
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField label="Works" value={lasts} onChange={(event) => setLasts(event.target.value as Lasts)}>
          <option value="ever">Until it is taken back</option>
          <option value="day">For a day</option>
          <option value="week">For a week</option>
          <option value="month">For 30 days</option>
          <option value="year">For a year</option>
        </SelectField>
        <SelectField label="Shows" value={version ?? ""} onChange={(event) => setVersion(event.target.value === "" ? null : Number(event.target.value))}>
          <option value="">The promoted version</option>
          {models.map((model) => (
            <option key={model.version} value={model.version}>
              Version {model.version}
            </option>
          ))}
        </SelectField>
      </div>
      <CheckField label="Offer the files as well" hint="The model and what it was exported to. Photos are never shown." checked={allowDownload} onChange={setAllowDownload} />
      {make.isError && <Failed failure={make.error} />}
      <Button type="submit" tone="primary" busy={make.isPending}>
        Make a link
      </Button>
    </form>
  );
}
