import { Button, Form, TextInput } from "@patternfly/react-core";
import { useState } from "react";

import { ErrorNotice } from "../common/ErrorNotice";
import { Field } from "../common/Field";
import { useSignIn } from "./session";

/** Name and password. */
export function SignInForm({ user: knownUser = "" }: { user?: string }): React.JSX.Element {
  const [user, setUser] = useState(knownUser);
  const [password, setPassword] = useState("");
  const signIn = useSignIn();
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        signIn.mutate({ user, password });
      }}
    >
      <ErrorNotice error={signIn.error} />
      <Field id="user" label="Name" required>
        <TextInput
          id="user"
          name="user"
          value={user}
          autoComplete="username"
          autoCapitalize="none"
          autoFocus={!knownUser}
          isRequired
          onChange={(_event, text) => setUser(text)}
        />
      </Field>
      <Field id="password" label="Password" required>
        <TextInput
          id="password"
          name="password"
          type="password"
          value={password}
          autoComplete="current-password"
          autoFocus={Boolean(knownUser)}
          isRequired
          onChange={(_event, text) => setPassword(text)}
        />
      </Field>
      <Button type="submit" isBlock isLoading={signIn.isPending} isDisabled={signIn.isPending || !user || !password}>
        Sign in
      </Button>
    </Form>
  );
}
