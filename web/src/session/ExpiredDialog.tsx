import { Modal, ModalBody, ModalHeader } from "@patternfly/react-core";
import { useEffect, useRef } from "react";

import { SignInForm } from "./SignInForm";

/** Asks to sign in again, and keeps what is on the page below. */
export function ExpiredDialog({ user }: { user: string }): React.JSX.Element {
  return (
    <Modal variant="small" isOpen aria-labelledby="expired-title">
      <ModalHeader
        title="Sign in again"
        labelId="expired-title"
        description="Your session has ended. What you were doing is still here."
      />
      <ModalBody>
        <Visible>
          <SignInForm user={user} />
        </Visible>
      </ModalBody>
    </Modal>
  );
}

/** A dialog below this one hides all others from screen readers each time that it changes: undo that. */
function Visible({ children }: { children: React.ReactNode }): React.JSX.Element {
  const inside = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const container = [...document.body.children].find((child) => child.contains(inside.current));
    if (!container) return;
    const show = (): void => {
      if (container.hasAttribute("aria-hidden")) container.removeAttribute("aria-hidden");
    };
    const observer = new MutationObserver(show);
    observer.observe(container, { attributeFilter: ["aria-hidden"] });
    show();
    return () => observer.disconnect();
  }, []);
  return <div ref={inside}>{children}</div>;
}
