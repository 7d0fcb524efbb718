import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { token } from "../api/client";
import { waysQuery } from "../api/queries";
import { texts } from "../texts";

/** For whoever the service does not know yet. */
export function SignIn() {
  const client = useQueryClient();
  const [written, setWritten] = useState("");
  const ways = useQuery(waysQuery);
  const next = encodeURIComponent(location.pathname + location.search);
  const use = () => {
    token.set(written.trim());
    void client.resetQueries();
  };
  return (
    <section className="narrow">
      <h1>{texts.signIn.title}</h1>
      {ways.data?.browser === true && (
        <a className="button primary" href={`/auth/login?next=${next}`}>
          {texts.signIn.browser}
        </a>
      )}
      <form action={use}>
        <label className="field">
          <span>{texts.signIn.token}</span>
          <input
            type="password"
            autoComplete="off"
            required
            value={written}
            onChange={(change) => setWritten(change.target.value)}
          />
          <small>{texts.signIn.tokenHelp}</small>
        </label>
        <button>{texts.signIn.use}</button>
      </form>
    </section>
  );
}
