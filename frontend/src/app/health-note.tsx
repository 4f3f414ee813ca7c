import { useQuery } from "@tanstack/react-query";

import { healthQuery } from "@/api/queries";

/** Says what of the service is missing, where something is: without a worker, say, nothing would ever start. */
export function HealthNote() {
  const { data } = useQuery({ ...healthQuery, refetchInterval: (query) => (query.state.data?.status === "ok" ? false : 15_000) });
  if (!data || data.status === "ok") return null;
  const wrong = [data.database, data.storage, data.worker, data.disk].filter((part) => !part.ok);
  return (
    <div role="status" className="border-b border-line bg-warn-soft text-ink">
      <p className="mx-auto max-w-[1600px] px-4 py-2 text-sm sm:px-6">
        {wrong.map((part) => part.message).join(" ") || "The service is not quite well."}
      </p>
    </div>
  );
}
