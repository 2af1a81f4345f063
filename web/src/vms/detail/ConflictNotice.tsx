import { Alert, AlertActionLink } from "@patternfly/react-core";
import { useState } from "react";

import type { Definition } from "../../api/types";
import { LineDiff } from "../../common/LineDiff";
import type { DefinitionEditor } from "./useDefinitionEditor";

/** Somebody changed the definition while it was being edited here: shows what, and asks how to go on. */
export function ConflictNotice({ editor, theirs }: { editor: DefinitionEditor; theirs: Definition }): React.JSX.Element {
  const [comparing, setComparing] = useState(false);
  return (
    <Alert
      isInline
      variant="warning"
      title="The definition was changed behind this page"
      actionLinks={
        <>
          <AlertActionLink onClick={() => setComparing(!comparing)}>
            {comparing ? "Hide what changed" : "Show what changed"}
          </AlertActionLink>
          <AlertActionLink onClick={editor.keepMine}>Keep my text on top of it</AlertActionLink>
          <AlertActionLink onClick={editor.takeTheirs}>Drop my changes</AlertActionLink>
        </>
      }
    >
      <p>Somebody saved another version, here or with virsh. Nothing of yours is lost, and nothing is saved yet.</p>
      {comparing && <LineDiff before={editor.base.xml} after={theirs.xml} />}
    </Alert>
  );
}
