import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api/client";
import { applyTheme, knownTheme } from "./parts/theme";
import { router } from "./routes";
import "./style.css";

const MOST_RETRIES = 3;
const client = new QueryClient({
  mutationCache: new MutationCache(),
  defaultOptions: {
    queries: {
      retry: (failed, error) => !(error instanceof Problem && error.status >= 400) && failed < MOST_RETRIES,
      refetchOnWindowFocus: true,
      staleTime: 5000,
    },
  },
});

applyTheme(knownTheme());
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
