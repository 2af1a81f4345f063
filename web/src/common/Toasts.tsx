import { Alert, AlertActionCloseButton, AlertGroup } from "@patternfly/react-core";
import { Link } from "react-router";

import { removeToast, useToasts } from "./toasts";

const SHOWN_MS = 6000;

/** The messages in the corner. */
export function Toasts(): React.JSX.Element {
  const toasts = useToasts();
  return (
    <AlertGroup isToast isLiveRegion hasAnimations={false}>
      {toasts.map(({ key, variant, title, text, link }) => (
        <Alert
          key={key}
          variant={variant}
          title={title}
          timeout={variant === "danger" ? false : SHOWN_MS}
          onTimeout={() => removeToast(key)}
          actionClose={<AlertActionCloseButton title={title} onClose={() => removeToast(key)} />}
          actionLinks={
            link && (
              <Link to={link.to} onClick={() => removeToast(key)}>
                {link.label}
              </Link>
            )
          }
        >
          {text}
        </Alert>
      ))}
    </AlertGroup>
  );
}
