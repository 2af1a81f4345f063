import { PageSection } from "@patternfly/react-core";
import ServerIcon from "@patternfly/react-icons/dist/esm/icons/server-icon";

import { Empty } from "../common/Empty";
import { ErrorNotice } from "../common/ErrorNotice";
import { Loading } from "../common/Loading";
import { PageTitle } from "../common/PageTitle";
import { HostCards } from "./HostCards";
import { useHosts } from "./queries";

/** The machines that run the machines. */
export function HostsPage(): React.JSX.Element {
  const { data, error, isPending, refetch } = useHosts();
  const hosts = data?.items ?? [];
  return (
    <>
      <PageTitle title={hosts.length === 1 ? `Host ${hosts[0]?.name ?? ""}` : "Hosts"} />
      <PageSection isFilled>
        {isPending && <Loading what="hosts" />}
        <ErrorNotice error={error} title="The hosts could not be loaded" onRetry={() => void refetch()} />
        {data && hosts.length === 0 && (
          <Empty title="No host is known" icon={ServerIcon}>
            Start one with <code>skerry host</code>, or everything on one machine with <code>skerry up</code>.
          </Empty>
        )}
        {hosts.map((host) => (
          <HostCards key={host.name} host={host} named={hosts.length > 1} />
        ))}
      </PageSection>
    </>
  );
}
