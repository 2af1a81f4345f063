import { useEffect, useEffectEvent, useState } from "react";

import { ApiError } from "../../api/problem";
import type { Definition, Vm } from "../../api/types";
import { addToast } from "../../common/toasts";
import { onFact } from "../../live/live";
import { checkDefinition, loadDefinition, saveDefinition } from "../queries";

export interface DefinitionEditor {
  /** What the changes are made to. */
  base: Definition;
  text: string;
  dirty: boolean;
  busy: boolean;
  error: unknown;
  /** As the hypervisor would keep it; null while nothing is under review. */
  checked: string | null;
  /** What somebody else saved meanwhile. */
  theirs: Definition | null;
  change: (text: string) => void;
  discard: () => void;
  review: () => Promise<void>;
  cancelReview: () => void;
  save: () => Promise<void>;
  /** Go on with one's own text, on top of theirs. */
  keepMine: () => void;
  takeTheirs: () => void;
}

/**
 * One editing of a definition. Others may change it at the same time, also with virsh: then nothing is saved until
 * the person has seen what they did.
 */
export function useDefinitionEditor(vm: Vm, start: Definition): DefinitionEditor {
  const [base, setBase] = useState(start);
  const [text, setText] = useState(start.xml);
  const [checked, setChecked] = useState<string | null>(null);
  const [theirs, setTheirs] = useState<Definition | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const dirty = text !== base.xml;

  const rebase = (definition: Definition, newText: string): void => {
    setBase(definition);
    setText(newText);
    setTheirs(null);
    setChecked(null);
    setError(null);
  };
  const lookBehind = async (): Promise<void> => {
    const now = await loadDefinition(vm.id);
    if (now.etag === base.etag) return;
    if (dirty && now.xml !== base.xml) setTheirs(now);
    else rebase(now, dirty ? text : now.xml);
  };
  const notice = useEffectEvent((etag: unknown) => {
    if (etag === base.etag || busy) return;
    lookBehind().catch((reason: unknown) => setError(reason));
  });
  useEffect(
    () =>
      onFact((fact) => {
        if (fact.kind === "vm.changed" && fact.object.id === vm.id) notice(fact.data?.etag);
      }),
    [vm.id],
  );

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (reason) {
      setChecked(null);
      if (reason instanceof ApiError && reason.code === "changed") {
        await lookBehind().catch((other: unknown) => setError(other));
      } else {
        setError(reason);
      }
    } finally {
      setBusy(false);
    }
  };
  return {
    base,
    text,
    dirty,
    busy,
    error,
    checked,
    theirs,
    change: (newText) => {
      setText(newText);
      setError(null);
    },
    discard: () => rebase(theirs ?? base, (theirs ?? base).xml),
    review: () => attempt(async () => setChecked((await checkDefinition(vm.id, text)).xml)),
    cancelReview: () => setChecked(null),
    save: () =>
      attempt(async () => {
        const saved = await saveDefinition(vm.id, text, base.etag);
        rebase(saved, saved.xml);
        addToast({ variant: "success", title: `The definition of ${vm.name} was saved` });
      }),
    keepMine: () => {
      if (theirs) rebase(theirs, text);
    },
    takeTheirs: () => {
      if (theirs) rebase(theirs, theirs.xml);
    },
  };
}
