import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";

import type { Status } from "@/api/connection";
import { modelsQuery } from "@/api/queries";
import { Loading } from "@/ui/states";
import { Tabs } from "@/ui/tabs";

import { useLooked } from "./place";

const PhotosTab = lazy(async () => ({ default: (await import("./pictures/photos-tab")).PhotosTab }));
const ViewsTab = lazy(async () => ({ default: (await import("./pictures/views-tab")).ViewsTab }));
const DepthTab = lazy(async () => ({ default: (await import("./pictures/depth-tab")).DepthTab }));
const EnhancedTab = lazy(async () => ({ default: (await import("./pictures/enhanced-tab")).EnhancedTab }));
const QualityTab = lazy(async () => ({ default: (await import("./quality/quality-tab")).QualityTab }));
const ExportsPanel = lazy(async () => ({ default: (await import("@/exports/exports-panel")).ExportsPanel }));
const VersionsTab = lazy(async () => ({ default: (await import("./versions/versions-tab")).VersionsTab }));

interface PartsProps {
  status: Status;
  onRefineFrom: (version: number) => void;
}

/** Everything that a project holds; each part is fetched when it is first looked at. */
export function Parts({ status, onRefineFrom }: PartsProps) {
  const { id } = status.project;
  const [{ tab, version }, look] = useLooked();
  const models = useQuery(modelsQuery(id));
  const model = models.data?.find((one) => one.version === version) ?? models.data?.find((one) => one.promoted) ?? null;
  const tabs = [
    { value: "photos", label: named("Photos", status.images), content: <PhotosTab project={status.project} made={status.models.length > 0} /> },
    { value: "versions", label: named("Versions", status.models.length), content: <VersionsTab projectId={id} onRefineFrom={onRefineFrom} /> },
    { value: "files", label: "Files", content: <ExportsPanel projectId={id} /> },
    { value: "quality", label: "Quality", content: <QualityTab projectId={id} /> },
    { value: "views", label: "Views", content: <ViewsTab projectId={id} model={model} /> },
    { value: "depth", label: "Depth", content: <DepthTab projectId={id} viewRunId={model?.view_run_id ?? null} /> },
    { value: "enhanced", label: "Enhanced", content: <EnhancedTab projectId={id} /> },
  ];
  const usual = status.models.length > 0 ? "versions" : "photos";
  const chosen = tabs.some((one) => one.value === tab) ? tab! : usual;
  return (
    // As high as a screen, so that choosing another part does not throw the page about.
    <section aria-label="What the project holds" className="min-h-[80dvh] min-w-0 lg:col-start-1">
      <Tabs
        label="What the project holds"
        value={chosen}
        onChange={(value) => look({ tab: value })}
        tabs={tabs.map((one) => ({ ...one, content: <Suspense fallback={<Loading />}>{one.content}</Suspense> }))}
      />
    </section>
  );
}

function named(name: string, number: number) {
  return (
    <>
      {name} {number > 0 && <span className="ml-1 rounded-full bg-raised px-1.5 text-xs font-normal">{number}</span>}
    </>
  );
}
