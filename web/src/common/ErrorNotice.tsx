import { Alert, Button } from "@patternfly/react-core";

import { describe } from "../api/problem";

interface Props {
  error: unknown;
  /** What was being done, such as “Could not load the machines”. */
  title?: string;
  onRetry?: () => void;
}

/** What failed, and what to do about it. Nothing where nothing failed. */
export function ErrorNotice({ error, title, onRetry }: Props): React.JSX.Element | null {
  if (error === null || error === undefined) return null;
  const { message, hint } = describe(error);
  const retry = onRetry && (
    <Button variant="link" isInline onClick={onRetry}>
      Try again
    </Button>
  );
  return (
    <Alert variant="danger" isInline title={title ?? message} actionLinks={retry} role="alert">
      {title && <p>{message}</p>}
      {hint && <p>{hint}</p>}
    </Alert>
  );
}
