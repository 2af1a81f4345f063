import { Gallery, PageSection } from "@patternfly/react-core";

import { PageTitle } from "../common/PageTitle";
import { PasswordCard } from "./PasswordCard";
import { useMe } from "./session";
import { TokensCard } from "./TokensCard";
import { UsersCard } from "./UsersCard";

/** One's own password and tokens; for administrators the people too. */
export function AccountPage(): React.JSX.Element {
  const me = useMe();
  return (
    <>
      <PageTitle title="Account" description={`Signed in as ${me.name}${me.admin ? ", an administrator" : ""}.`} />
      <PageSection isFilled>
        <Gallery hasGutter minWidths={{ default: "100%", xl: "30rem" }}>
          <TokensCard />
          <PasswordCard />
          {me.admin && <UsersCard me={me.name} />}
        </Gallery>
      </PageSection>
    </>
  );
}
