import { QueryClientProvider, type QueryClient } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import { createMemoryRouter, RouterProvider } from "react-router";

import { makeQueryClient } from "../common/query";
import { aSession } from "./things";

/** Show a page as if somebody had signed in and gone to `at`; other addresses show where one went. */
export function renderPage(
  page: React.JSX.Element,
  { at = "/", path = "/", state = null }: { at?: string; path?: string; state?: unknown } = {},
): { client: QueryClient } {
  const client = makeQueryClient();
  client.setQueryData(["session"], aSession());
  const router = createMemoryRouter(
    [
      { path, element: page },
      { path: "*", element: <Elsewhere /> },
    ],
    { initialEntries: [{ pathname: at, state }] },
  );
  render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return { client };
}

function Elsewhere(): React.JSX.Element {
  return <p>elsewhere</p>;
}
