import { Card, CardBody, Content, Title } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";

import { answer, api } from "../api/client";
import { useTitle } from "../common/title";
import { SignInForm } from "./SignInForm";

/** The door. The address stays, so signing in leads to where one wanted to go. */
export function SignInPage(): React.JSX.Element {
  useTitle("Sign in");
  const about = useQuery({ queryKey: ["about"], queryFn: () => answer(api.GET("/api/v1/about")) });
  return (
    <main className="sk-door">
      <Card className="sk-door-card">
        <CardBody>
          <div className="sk-door-brand">
            <img src="/skerry.svg" alt="" width="48" height="48" />
            <Title headingLevel="h1">Sign in to Skerry</Title>
          </div>
          <SignInForm />
          <Content component="small" className="sk-door-help">
            The first time, sign in as <strong>admin</strong> with the password that Skerry printed when it was started.
          </Content>
        </CardBody>
      </Card>
      <p className="sk-quiet">{about.data && `Skerry ${about.data.version}`}</p>
    </main>
  );
}
