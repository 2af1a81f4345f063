import { QueryClientProvider, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { RouterProvider } from "react-router";

import { whenSignedOut } from "./api/client";
import { ErrorNotice } from "./common/ErrorNotice";
import { Loading } from "./common/Loading";
import { startLive } from "./live/live";
import { router } from "./routes";
import { ExpiredDialog } from "./session/ExpiredDialog";
import { expireSession, useExpired, useSession } from "./session/session";
import { SignInPage } from "./session/SignInPage";
import { followTasks } from "./tasks/follow";

export function App({ client }: { client: QueryClient }): React.JSX.Element {
  return (
    <QueryClientProvider client={client}>
      <Door />
    </QueryClientProvider>
  );
}

/** Lets in who is signed in. */
function Door(): React.JSX.Element {
  const { session, isPending, error, retry } = useSession();
  const expired = useExpired();
  const client = useQueryClient();
  const live = session !== null && !expired;

  useEffect(() => whenSignedOut(() => expireSession(client)), [client]);
  useEffect(() => (live ? startLive(client) : undefined), [live, client]);
  useEffect(() => followTasks(), []);

  if (isPending) return <Loading what="Skerry" />;
  if (error) {
    return (
      <main className="sk-door">
        <ErrorNotice error={error} onRetry={retry} />
      </main>
    );
  }
  if (!session) return <SignInPage />;
  return (
    <>
      <RouterProvider router={router} />
      {expired && <ExpiredDialog user={session.user.name} />}
    </>
  );
}
