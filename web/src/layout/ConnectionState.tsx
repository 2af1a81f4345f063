import { Label, Tooltip } from "@patternfly/react-core";
import DisconnectedIcon from "@patternfly/react-icons/dist/esm/icons/disconnected-icon";
import { useEffect, useState } from "react";

import { useConnected } from "../live/live";

const PATIENCE_MS = 3000;

/** Says so when changes no longer arrive; nothing as long as they do. */
export function ConnectionState(): React.JSX.Element | null {
  const connected = useConnected();
  return connected === false ? <Disconnected /> : null;
}

function Disconnected(): React.JSX.Element | null {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!late) return null;
  return (
    <Tooltip content="Skerry does not answer. What you see may be old; the page connects again by itself.">
      <Label status="warning" icon={<DisconnectedIcon />} role="status" tabIndex={0}>
        Not connected
      </Label>
    </Tooltip>
  );
}
