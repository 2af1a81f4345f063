import { EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from "@patternfly/react-core";

interface Props {
  title: string;
  icon?: React.ComponentType;
  /** What to do next. */
  children?: React.ReactNode;
  actions?: React.ReactNode;
}

/** There is nothing, and this is the next step. */
export function Empty({ title, icon, children, actions }: Props): React.JSX.Element {
  return (
    <EmptyState titleText={title} headingLevel="h2" variant="sm" {...(icon ? { icon } : {})}>
      {children && <EmptyStateBody>{children}</EmptyStateBody>}
      {actions && (
        <EmptyStateFooter>
          <EmptyStateActions>{actions}</EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}
