import { ActionGroup, Button, Card, CardBody, CardTitle, Form, TextInput } from "@patternfly/react-core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { api, done } from "../api/client";
import { ApiError } from "../api/problem";
import { ErrorNotice } from "../common/ErrorNotice";
import { Field, inputProps } from "../common/Field";
import { addToast } from "../common/toasts";

const SHORTEST = 8;

/** Changes one's own password. */
export function PasswordCard(): React.JSX.Element {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const change = useMutation({
    mutationFn: () => done(api.PUT("/api/v1/users/me/password", { body: { old_password: old, new_password: fresh } })),
    onSuccess: () => {
      setOld("");
      setFresh("");
      setAgain("");
      addToast({ variant: "success", title: "Your password was changed" });
    },
  });
  const fields = change.error instanceof ApiError ? change.error.fields : {};
  const wrongFresh = fresh && fresh.length < SHORTEST ? `At least ${SHORTEST} characters.` : fields.new_password;
  const wrongAgain = again && again !== fresh ? "This is not the same." : null;
  const ready = old !== "" && fresh.length >= SHORTEST && again === fresh;
  return (
    <Card>
      <CardTitle component="h2">Password</CardTitle>
      <CardBody>
        <Form
          className="sk-form-narrow"
          onSubmit={(event) => {
            event.preventDefault();
            if (ready) change.mutate();
          }}
        >
          <Field id="old-password" label="Old password" required>
            <TextInput id="old-password" type="password" autoComplete="current-password" value={old} onChange={(_event, text) => setOld(text)} />
          </Field>
          <Field id="new-password" label="New password" required error={wrongFresh} help={`At least ${SHORTEST} characters.`}>
            <TextInput {...inputProps("new-password", wrongFresh)} type="password" autoComplete="new-password" value={fresh} onChange={(_event, text) => setFresh(text)} />
          </Field>
          <Field id="new-password-again" label="New password again" required error={wrongAgain}>
            <TextInput {...inputProps("new-password-again", wrongAgain)} type="password" autoComplete="new-password" value={again} onChange={(_event, text) => setAgain(text)} />
          </Field>
          <ErrorNotice error={change.error} />
          <ActionGroup>
            <Button type="submit" variant="secondary" isDisabled={!ready || change.isPending} isLoading={change.isPending}>
              Change password
            </Button>
          </ActionGroup>
        </Form>
      </CardBody>
    </Card>
  );
}
