import { Alert, Checkbox, TextArea } from "@patternfly/react-core";
import { useEffect, useRef, useState } from "react";

import { Field } from "../common/Field";
import { FormDialog } from "../common/FormDialog";
import { keysFor, typeKeys, type SendKey } from "./keys";

interface Props {
  send: SendKey;
  onClose: () => void;
}

/** Types a text into the guest: for long passwords and commands, where nothing can be pasted. */
export function TypeTextDialog({ send, onClose }: Props): React.JSX.Element {
  const [text, setText] = useState("");
  const [enter, setEnter] = useState(true);
  const [busy, setBusy] = useState(false);
  const typing = useRef<AbortController | null>(null);
  const { unknown } = keysFor(text);

  useEffect(() => () => typing.current?.abort(), []);

  const type = async (): Promise<void> => {
    const controller = new AbortController();
    typing.current = controller;
    setBusy(true);
    await typeKeys(keysFor(enter ? `${text}\n` : text).keys, send, controller.signal);
    if (!controller.signal.aborted) onClose();
  };
  return (
    <FormDialog
      title="Type text into the machine"
      description="The keys are those of a US keyboard. The guest types what these keys mean in its own layout."
      submitLabel="Type"
      ready={text !== "" && unknown.length === 0}
      busy={busy}
      onSubmit={() => void type()}
      onClose={onClose}
    >
      <Field id="type-text" label="Text">
        <TextArea
          id="type-text"
          value={text}
          rows={4}
          autoFocus
          spellCheck={false}
          resizeOrientation="vertical"
          onChange={(_event, changed) => setText(changed)}
        />
      </Field>
      {unknown.length > 0 && (
        <Alert isInline variant="warning" title={`No US keyboard has these characters: ${unknown.join(" ")}`} />
      )}
      <Checkbox
        id="type-enter"
        label="Press Enter at the end"
        isChecked={enter}
        onChange={(_event, checked) => setEnter(checked)}
      />
    </FormDialog>
  );
}
