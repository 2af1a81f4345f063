import { Content, PageSection, Title } from "@patternfly/react-core";

import { useTitle } from "./title";

interface Props {
  title: string;
  description?: React.ReactNode;
  /** What stands beside the title, such as a state. */
  beside?: React.ReactNode;
  actions?: React.ReactNode;
}

/** The head of a page: its name, what it is about, and what can be done. */
export function PageTitle({ title, description, beside, actions }: Props): React.JSX.Element {
  useTitle(title);
  return (
    <PageSection>
      <div className="sk-title">
        <div className="sk-grow">
          <div className="sk-title-line">
            <Title headingLevel="h1" className="sk-break">
              {title}
            </Title>
            {beside}
          </div>
          {description && <Content component="p">{description}</Content>}
        </div>
        {actions && <div className="sk-title-actions">{actions}</div>}
      </div>
    </PageSection>
  );
}
