import { Button, Form, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from "@patternfly/react-core";
import { useState } from "react";

import { ErrorNotice } from "./ErrorNotice";
import { Field } from "./Field";

interface Props {
  title: string;
  confirmLabel: string;
  children: React.ReactNode;
  /** What has to be typed before the button works; for what cannot be taken back. */
  typedName?: string;
  danger?: boolean;
  busy?: boolean;
  error?: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done. */
export function ConfirmDialog(props: Props): React.JSX.Element {
  const { title, confirmLabel, children, typedName, danger = true, busy = false, error, onConfirm, onClose } = props;
  const [typed, setTyped] = useState("");
  const ready = typedName === undefined || typed === typedName;
  return (
    <Modal variant="small" isOpen onClose={onClose} aria-labelledby="confirm-title" aria-describedby="confirm-body">
      <ModalHeader title={title} labelId="confirm-title" {...(danger ? { titleIconVariant: "warning" as const } : {})} />
      <ModalBody id="confirm-body">
        <Form
          id="confirm-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (ready && !busy) onConfirm();
          }}
        >
          <div>{children}</div>
          {typedName !== undefined && (
            <Field id="confirm-name" label={`Type ${typedName} to confirm`}>
              <TextInput
                id="confirm-name"
                value={typed}
                autoComplete="off"
                autoFocus
                onChange={(_event, text) => setTyped(text)}
              />
            </Field>
          )}
          <ErrorNotice error={error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button
          type="submit"
          form="confirm-form"
          variant={danger ? "danger" : "primary"}
          isDisabled={!ready || busy}
          isLoading={busy}
        >
          {confirmLabel}
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
