import { FormGroup, FormHelperText, HelperText, HelperTextItem } from "@patternfly/react-core";

interface Props {
  id: string;
  label: string;
  children: React.ReactNode;
  required?: boolean;
  /** What is wrong with the value; stands in place of the help. */
  error?: string | null | undefined;
  help?: React.ReactNode;
}

/** A labelled input with its help or its error below. The input's `aria-describedby` is `ID-help`. */
export function Field({ id, label, children, required, error, help }: Props): React.JSX.Element {
  return (
    <FormGroup label={label} fieldId={id} isRequired={required ?? false}>
      {children}
      {(error ?? help) && (
        <FormHelperText>
          <HelperText id={`${id}-help`} aria-live="polite">
            <HelperTextItem variant={error ? "error" : "default"}>{error ?? help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}

/** The props of an input inside a Field. */
export function inputProps(
  id: string,
  error: string | null | undefined,
): { id: string; "aria-describedby": string; "aria-invalid": boolean; validated: "error" | "default" } {
  return {
    id,
    "aria-describedby": `${id}-help`,
    "aria-invalid": Boolean(error),
    validated: error ? "error" : "default",
  };
}
