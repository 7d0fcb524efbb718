import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "../api/client";
import { waysQuery } from "../api/queries";
import { texts } from "../texts";
import { ProblemBox } from "./Told";

export function SignIn() {
  const client = useQueryClient();
  const [written, setWritten] = useState("");
  const ways = useQuery(waysQuery);
  const next = encodeURIComponent(location.pathname + location.search);
  const use = useMutation({
    mutationFn: () => told(api.POST("/auth/token", { body: { token: written.trim() } })),
    onSuccess: () => client.resetQueries(),
  });
  return (
    <section className="narrow">
      <h1>{texts.signIn.title}</h1>
      {ways.data?.browser === true && (
        <a className="button primary" href={`/auth/login?next=${next}`}>
          {texts.signIn.browser}
        </a>
      )}
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          use.mutate();
        }}
      >
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
        {use.error !== null && <ProblemBox error={use.error} />}
        <button disabled={use.isPending}>{texts.signIn.use}</button>
      </form>
    </section>
  );
}
