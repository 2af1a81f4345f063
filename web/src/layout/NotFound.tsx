import { Button, PageSection } from "@patternfly/react-core";
import { Link, useRouteError } from "react-router";

import { Empty } from "../common/Empty";
import { ErrorNotice } from "../common/ErrorNotice";
import { PageTitle } from "../common/PageTitle";

/** No page has this address. */
export function NotFound(): React.JSX.Element {
  return (
    <>
      <PageTitle title="There is no such page" />
      <PageSection>
        <Empty title="Nothing is at this address" actions={<Link to="/vms">Go to the virtual machines</Link>}>
          The link may be old, or mistyped.
        </Empty>
      </PageSection>
    </>
  );
}

/** A page failed to show: most often it was updated on the server while it was open here. */
export function PageBroken(): React.JSX.Element {
  const error = useRouteError();
  return (
    <main className="sk-door">
      <ErrorNotice error={error} title="This page could not be shown" />
      <Button onClick={() => location.reload()}>Load the page again</Button>
    </main>
  );
}
