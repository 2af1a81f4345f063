import { Button, Card, CardBody, CardHeader, CardTitle, Checkbox, Label, TextInput } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, done } from "../api/client";
import { ApiError } from "../api/problem";
import { ConfirmDialog } from "../common/ConfirmDialog";
import { ErrorNotice } from "../common/ErrorNotice";
import { Field, inputProps } from "../common/Field";
import { FormDialog } from "../common/FormDialog";
import { Time } from "../common/Time";

const KEY = ["users"];
const NAME = /^[a-z][a-z0-9._@-]{0,63}$/;

/** The people who may sign in. */
export function UsersCard({ me }: { me: string }): React.JSX.Element {
  const users = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => answer(api.GET("/api/v1/users", { params: { query: { limit: 500 } }, signal })),
  });
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<string | null>(null);
  return (
    <Card>
      <CardHeader actions={{ actions: <Button variant="secondary" onClick={() => setAdding(true)}>Add user</Button> }}>
        <CardTitle component="h2">Users</CardTitle>
      </CardHeader>
      <CardBody className="sk-stack">
        <ErrorNotice error={users.error} onRetry={() => void users.refetch()} />
        <Table variant="compact" borders={false} aria-label="Users" gridBreakPoint="grid-md">
          <Thead>
            <Tr>
              <Th>Name</Th>
              <Th>Role</Th>
              <Th>Since</Th>
              <Th screenReaderText="Actions" />
            </Tr>
          </Thead>
          <Tbody>
            {users.data?.items.map((user) => (
              <Tr key={user.name}>
                <Td dataLabel="Name">{user.name}</Td>
                <Td dataLabel="Role">{user.admin ? <Label isCompact>Administrator</Label> : "User"}</Td>
                <Td dataLabel="Since">
                  <Time at={user.created_at} />
                </Td>
                <Td isActionCell>
                  {user.name !== me && (
                    <Button variant="link" isDanger isInline onClick={() => setRemoving(user.name)} aria-label={`Remove ${user.name}`}>
                      Remove
                    </Button>
                  )}
                </Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      </CardBody>
      {adding && <NewUserDialog onClose={() => setAdding(false)} />}
      {removing !== null && <RemoveDialog name={removing} onClose={() => setRemoving(null)} />}
    </Card>
  );
}

function NewUserDialog({ onClose }: { onClose: () => void }): React.JSX.Element {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [admin, setAdmin] = useState(false);
  const add = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/users", { body: { name, password, admin } })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: KEY });
      onClose();
    },
  });
  const fields = add.error instanceof ApiError ? add.error.fields : {};
  const wrongName = name && !NAME.test(name) ? "Small letters, digits and . _ @ - only, beginning with a letter." : fields.name;
  const wrongPassword = password && password.length < 8 ? "At least 8 characters." : fields.password;
  return (
    <FormDialog title="Add user" submitLabel="Add" ready={NAME.test(name) && password.length >= 8} busy={add.isPending} error={add.error} onSubmit={() => add.mutate()} onClose={onClose}>
      <Field id="user-name" label="Name" required error={wrongName}>
        <TextInput {...inputProps("user-name", wrongName)} value={name} autoFocus autoComplete="off" autoCapitalize="none" onChange={(_event, text) => setName(text)} />
      </Field>
      <Field id="user-password" label="First password" required error={wrongPassword} help="At least 8 characters. The user can change it.">
        <TextInput {...inputProps("user-password", wrongPassword)} type="password" autoComplete="new-password" value={password} onChange={(_event, text) => setPassword(text)} />
      </Field>
      <Checkbox id="user-admin" label="Administrator" description="May do everything, and add and remove users." isChecked={admin} onChange={(_event, checked) => setAdmin(checked)} />
    </FormDialog>
  );
}

function RemoveDialog({ name, onClose }: { name: string; onClose: () => void }): React.JSX.Element {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => done(api.DELETE("/api/v1/users/{name}", { params: { path: { name } } })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: KEY });
      onClose();
    },
  });
  return (
    <ConfirmDialog title={`Remove ${name}?`} confirmLabel="Remove" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()} onClose={onClose}>
      Their sessions and tokens end at once. Their machines stay.
    </ConfirmDialog>
  );
}
