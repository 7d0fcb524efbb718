/** The page's routes. The URL holds the whole state of a view. */
import { createRootRoute, createRoute, createRouter, Link, redirect } from "@tanstack/react-router";
import { Databases } from "./databases/Databases";
import { TaskEnds } from "./databases/TaskEnds";
import { forgetDraft } from "./new/draft";
import { NewSearch } from "./new/NewSearch";
import { Nodes } from "./nodes/Nodes";
import { Layout } from "./parts/Layout";
import { Empty } from "./parts/Told";
import { OneSearch } from "./search/OneSearch";
import { listOf, newOf, viewOf, withHiddenShare, withShare } from "./addresses";
import { Searches } from "./searches/Searches";
import { texts } from "./texts";

const root = createRootRoute({ component: Root, notFoundComponent: NotFound });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    // The router expects a thrown redirect.
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    throw redirect({ to: "/new" });
  },
});

const newSearch = createRoute({
  getParentRoute: () => root,
  path: "/new",
  validateSearch: newOf,
  component: NewSearch,
});

const searches = createRoute({
  getParentRoute: () => root,
  path: "/searches",
  validateSearch: listOf,
  component: Searches,
});

const search = createRoute({
  getParentRoute: () => root,
  path: "/searches/$id",
  validateSearch: viewOf,
  component: OneSearch,
});

const databases = createRoute({ getParentRoute: () => root, path: "/databases", component: Databases });
const nodes = createRoute({ getParentRoute: () => root, path: "/nodes", component: Nodes });

export const router = createRouter({
  rewrite: { input: ({ url }) => withShare(url), output: ({ url }) => withHiddenShare(url) },
  routeTree: root.addChildren([home, newSearch, searches, search, databases, nodes]),
  // URL values are plain text: an id of digits must not become a number.
  parseSearch: (given) => Object.fromEntries(new URLSearchParams(given)),
  stringifySearch: (wanted) => {
    const entries = Object.entries(wanted as Record<string, unknown>).filter(([, value]) => value !== undefined);
    const written = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
    return written === "" ? "" : `?${written}`;
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function Root() {
  return <Layout taskEnds={<TaskEnds />} onSignOut={forgetDraft} />;
}

function NotFound() {
  return (
    <Empty title={texts.notFound.title} help={texts.notFound.help}>
      <Link to="/new">{texts.notFound.home}</Link>
    </Empty>
  );
}
