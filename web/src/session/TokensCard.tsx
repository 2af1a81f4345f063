import { Alert, Button, Card, CardBody, CardHeader, CardTitle, ClipboardCopy, TextInput } from "@patternfly/react-core";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, done } from "../api/client";
import type { Token, TokenWithSecret } from "../api/types";
import { ConfirmDialog } from "../common/ConfirmDialog";
import { ErrorNotice } from "../common/ErrorNotice";
import { Field, inputProps } from "../common/Field";
import { FormDialog } from "../common/FormDialog";
import { nameProblem } from "../common/names";
import { Time } from "../common/Time";

const KEY = ["tokens"];
const LIFETIMES: readonly [string, number | null][] = [
  ["30 days", 30],
  ["90 days", 90],
  ["1 year", 365],
  ["never", null],
];

/** Tokens for programs that use the REST API. */
export function TokensCard(): React.JSX.Element {
  const tokens = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => answer(api.GET("/api/v1/tokens", { params: { query: { limit: 500 } }, signal })),
  });
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<TokenWithSecret | null>(null);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const items = tokens.data?.items ?? [];
  return (
    <Card>
      <CardHeader actions={{ actions: <Button variant="secondary" onClick={() => setMaking(true)}>Create token</Button> }}>
        <CardTitle component="h2">API tokens</CardTitle>
      </CardHeader>
      <CardBody className="sk-stack">
        <ErrorNotice error={tokens.error} onRetry={() => void tokens.refetch()} />
        {made && <Secret token={made} onClose={() => setMade(null)} />}
        {tokens.data && items.length === 0 && (
          <p className="sk-quiet">No tokens yet. A program shows one as “Authorization: Bearer …”.</p>
        )}
        {items.length > 0 && (
          <Table variant="compact" borders={false} aria-label="Tokens" gridBreakPoint="grid-md">
            <Thead>
              <Tr>
                <Th>Name</Th>
                <Th>Expires</Th>
                <Th>Last used</Th>
                <Th screenReaderText="Actions" />
              </Tr>
            </Thead>
            <Tbody>
              {items.map((token) => (
                <Tr key={token.id}>
                  <Td dataLabel="Name">{token.name}</Td>
                  <Td dataLabel="Expires">{token.expires_at ? <Time at={token.expires_at} /> : "never"}</Td>
                  <Td dataLabel="Last used">{token.last_used_at ? <Time at={token.last_used_at} /> : "never"}</Td>
                  <Td isActionCell>
                    <Button variant="link" isDanger isInline onClick={() => setRevoking(token)} aria-label={`Revoke ${token.name}`}>
                      Revoke
                    </Button>
                  </Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        )}
      </CardBody>
      {making && <NewTokenDialog onMade={setMade} onClose={() => setMaking(false)} />}
      {revoking && <RevokeDialog token={revoking} onClose={() => setRevoking(null)} />}
    </Card>
  );
}

function Secret({ token, onClose }: { token: TokenWithSecret; onClose: () => void }): React.JSX.Element {
  return (
    <Alert isInline variant="success" title={`Token ${token.name} was created`} actionLinks={<Button variant="link" isInline onClick={onClose}>I have copied it</Button>}>
      <p>Copy it now: it is shown only this once.</p>
      <ClipboardCopy isReadOnly hoverTip="Copy" clickTip="Copied" textAriaLabel="Secret of the token">
        {token.secret}
      </ClipboardCopy>
    </Alert>
  );
}

interface NewTokenProps {
  onMade: (token: TokenWithSecret) => void;
  onClose: () => void;
}

function NewTokenDialog({ onMade, onClose }: NewTokenProps): React.JSX.Element {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState<number | null>(90);
  const wrong = name ? nameProblem(name) : null;
  const make = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tokens", { body: { name, expires_in_days: days } })),
    onSuccess: (token) => {
      void client.invalidateQueries({ queryKey: KEY });
      onMade(token);
      onClose();
    },
  });
  return (
    <FormDialog title="Create token" submitLabel="Create" ready={nameProblem(name) === null} busy={make.isPending} error={make.error} onSubmit={() => make.mutate()} onClose={onClose}>
      <Field id="token-name" label="Name" required error={wrong} help="What it is for, such as backup-script.">
        <TextInput {...inputProps("token-name", wrong)} value={name} autoFocus onChange={(_event, text) => setName(text)} />
      </Field>
      <Field id="token-days" label="Expires after">
        <select id="token-days" className="sk-select" value={String(days)} onChange={(event) => setDays(event.currentTarget.value === "null" ? null : Number(event.currentTarget.value))}>
          {LIFETIMES.map(([label, value]) => (
            <option key={label} value={String(value)}>
              {label}
            </option>
          ))}
        </select>
      </Field>
    </FormDialog>
  );
}

function RevokeDialog({ token, onClose }: { token: Token; onClose: () => void }): React.JSX.Element {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => done(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: KEY });
      onClose();
    },
  });
  return (
    <ConfirmDialog title={`Revoke ${token.name}?`} confirmLabel="Revoke" busy={revoke.isPending} error={revoke.error} onConfirm={() => revoke.mutate()} onClose={onClose}>
      Programs that use this token are refused from now on.
    </ConfirmDialog>
  );
}
