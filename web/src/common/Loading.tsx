import { Bullseye, Spinner } from "@patternfly/react-core";

/** Something is on its way. */
export function Loading({ what }: { what: string }): React.JSX.Element {
  return (
    <Bullseye className="sk-loading">
      <Spinner size="lg" aria-label={`Loading ${what}`} />
    </Bullseye>
  );
}
