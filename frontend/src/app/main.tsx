import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { useTokensFrom } from "@/api/credentials";
import { sessionToken } from "@/signin/session";

import { App } from "./app";
import "./styles.css";

useTokensFrom(sessionToken);
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
