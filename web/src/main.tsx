import "@patternfly/react-core/dist/styles/base.css";
import "./style.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app";
import { makeQueryClient } from "./common/query";
import { followTheme } from "./layout/theme";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element #root");

followTheme();
createRoot(root).render(
  <StrictMode>
    <App client={makeQueryClient()} />
  </StrictMode>,
);
