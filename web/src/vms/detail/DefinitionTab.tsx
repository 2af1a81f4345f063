import { Alert, Button, Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";

import type { Definition, Vm } from "../../api/types";
import { CodeEditor } from "../../common/CodeEditor";
import { ErrorNotice } from "../../common/ErrorNotice";
import { Loading } from "../../common/Loading";
import { loadDefinition } from "../queries";
import { ConflictNotice } from "./ConflictNotice";
import { ReviewDialog } from "./ReviewDialog";
import { useDefinitionEditor } from "./useDefinitionEditor";

/** The definition of a machine as XML: checked by the hypervisor, and compared before it is saved. */
export function DefinitionTab({ vm }: { vm: Vm }): React.JSX.Element {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["definition", vm.id],
    queryFn: ({ signal }) => loadDefinition(vm.id, signal),
    gcTime: 0, // opened again, it is read again
  });
  if (isPending) return <Loading what="definition" />;
  if (!data) {
    return <ErrorNotice error={error} title="The definition could not be loaded" onRetry={() => void refetch()} />;
  }
  return <Editor vm={vm} start={data} />;
}

function Editor({ vm, start }: { vm: Vm; start: Definition }): React.JSX.Element {
  const editor = useDefinitionEditor(vm, start);
  const canEdit = vm.actions.includes("edit");
  const actions = canEdit && (
    <div className="sk-row">
      <Button variant="secondary" isDisabled={!editor.dirty || editor.busy} onClick={editor.discard}>
        Discard changes
      </Button>
      <Button isDisabled={!editor.dirty || editor.busy} isLoading={editor.busy} onClick={() => void editor.review()}>
        Review and save
      </Button>
    </div>
  );
  return (
    <Card>
      <CardHeader actions={actions ? { actions } : undefined}>
        <CardTitle component="h2">Definition</CardTitle>
      </CardHeader>
      <CardBody className="sk-stack">
        {!canEdit && <Alert isInline variant="info" title="It cannot be changed while a task is at work on the machine" />}
        {editor.theirs && <ConflictNotice editor={editor} theirs={editor.theirs} />}
        <ErrorNotice error={editor.error} title="The hypervisor does not accept this" />
        <CodeEditor
          id="definition"
          label={`Definition of ${vm.name}`}
          language="xml"
          value={editor.text}
          rows={28}
          readOnly={!canEdit}
          invalid={editor.error !== null}
          describedBy="definition-help"
          onChange={editor.change}
        />
        <p id="definition-help" className="sk-quiet">
          libvirt’s domain XML. It is checked before it is saved, and a running machine takes it up at its next start.
          Press Escape and then Tab to leave the editor.
        </p>
      </CardBody>
      {editor.checked && <ReviewDialog editor={editor} checked={editor.checked} />}
    </Card>
  );
}
