import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";

import { ApiFailure, isPassing } from "@/api/failure";
import { Toasts } from "@/ui/toast";

import { navigate } from "./navigation";
import { Router } from "./router";

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: askForCredentials }),
  defaultOptions: {
    queries: {
      // Realtime says when something has changed; coming back to the page asks once more.
      staleTime: 15_000,
      retry: (failures, failure) => failures < 2 && isPassing(failure),
    },
  },
});

/** A server that wants credentials is asked for anything only after signing in. */
function askForCredentials(failure: Error): void {
  if (!(failure instanceof ApiFailure) || failure.status !== 401 || location.pathname === "/sign-in") return;
  navigate(`/sign-in?back=${encodeURIComponent(location.pathname)}`, { replace: true });
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Router />
      <Toasts />
    </QueryClientProvider>
  );
}
