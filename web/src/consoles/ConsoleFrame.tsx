import { Alert, Button, Spinner } from "@patternfly/react-core";

import { describe } from "../api/problem";

export type Link =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "closed"; reason: string | null }
  | { state: "failed"; error: unknown };

interface Props {
  link: Link;
  onReconnect: () => void;
  toolbar: React.ReactNode;
  children: React.ReactNode;
}

/** What is around a console: its buttons, and what to do when it is not connected. */
export function ConsoleFrame({ link, onReconnect, toolbar, children }: Props): React.JSX.Element {
  return (
    <div className="sk-console" data-state={link.state}>
      <div className="sk-console-bar">{toolbar}</div>
      <div className="sk-console-body">
        {children}
        {link.state === "connecting" && (
          <div className="sk-console-cover">
            <Spinner size="lg" aria-label="Connecting to the console" />
          </div>
        )}
        {(link.state === "closed" || link.state === "failed") && (
          <div className="sk-console-cover">
            <Alert
              variant={link.state === "failed" ? "danger" : "info"}
              isInline
              title={titleOf(link)}
              actionLinks={
                <Button variant="primary" size="sm" onClick={onReconnect} autoFocus>
                  Reconnect
                </Button>
              }
            >
              {link.state === "failed" && describe(link.error).hint}
            </Alert>
          </div>
        )}
      </div>
    </div>
  );
}

function titleOf(link: Exclude<Link, { state: "connecting" | "open" }>): string {
  if (link.state === "failed") return describe(link.error).message;
  return link.reason ? `The console was closed: ${link.reason}` : "The console was closed";
}
