import { Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core";
import { useId } from "react";

import { ErrorNotice } from "./ErrorNotice";

interface Props {
  title: string;
  description?: React.ReactNode;
  submitLabel: string;
  children: React.ReactNode;
  ready?: boolean;
  busy?: boolean;
  error?: unknown;
  onSubmit: () => void;
  onClose: () => void;
}

/** A small form in a dialog. Enter sends it, Escape closes it. */
export function FormDialog(props: Props): React.JSX.Element {
  const { title, description, submitLabel, children, ready = true, busy = false, error, onSubmit, onClose } = props;
  const id = useId();
  return (
    <Modal variant="small" isOpen onClose={onClose} aria-labelledby={`${id}-title`} appendTo={inSight}>
      <ModalHeader title={title} labelId={`${id}-title`} description={description} />
      <ModalBody>
        <Form
          id={`${id}-form`}
          onSubmit={(event) => {
            event.preventDefault();
            if (ready && !busy) onSubmit();
          }}
        >
          {children}
          <ErrorNotice error={error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={`${id}-form`} isDisabled={!ready || busy} isLoading={busy}>
          {submitLabel}
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}

/** Where a dialog can be seen: in full screen only what is inside of it. */
function inSight(): HTMLElement {
  return document.fullscreenElement instanceof HTMLElement ? document.fullscreenElement : document.body;
}
