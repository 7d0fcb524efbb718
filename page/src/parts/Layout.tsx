import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { complain } from "./actions";
import { headers, Problem, problemOf, shareToken } from "../api/client";
import { TasksConnection, useLiveTasks } from "../api/liveCluster";
import { meQuery, readyQuery } from "../api/queries";
import { time } from "../model/display";
import { texts } from "../texts";
import { Notices } from "./Notices";
import { SignIn } from "./SignIn";
import { applyTheme, knownTheme, type Theme } from "./theme";

const LINKS = [
  ["/new", texts.nav.new],
  ["/searches", texts.nav.searches],
  ["/databases", texts.nav.databases],
  ["/nodes", texts.nav.nodes],
] as const;

interface Frame {
  /** Announces the ends of tasks to readers who may see them. */
  taskEnds: ReactNode;
  /** Deletes the data of an owner who signs out. */
  onSignOut: (owner: string) => void;
}

/** The frame of every view. */
export function Layout({ taskEnds, onSignOut }: Frame) {
  const isShared = shareToken() !== null;
  const me = useQuery({ ...meQuery, enabled: !isShared });
  const isStranger = me.error instanceof Problem && me.error.status === 401;
  const maySeeTasks = me.data?.scopes.includes("read") === true;
  const tasks = useLiveTasks(maySeeTasks);
  return (
    <>
      <a className="skip" href="#content">
        {texts.nav.skip}
      </a>
      <header className="bar">
        <Brand isLink={!isShared} />
        {!isShared && <Navigation />}
        <span className="grow" />
        {me.data !== undefined && me.data.by !== "nothing" && (
          <Who name={me.data.name} onSignOut={() => onSignOut(me.data.owner)} />
        )}
        <ThemeChoice />
      </header>
      <main id="content" tabIndex={-1}>
        <Away />
        <TasksConnection value={tasks}>{isStranger ? <SignIn /> : <Outlet />}</TasksConnection>
      </main>
      {maySeeTasks && taskEnds}
      <Notices />
      <Title />
      <Focus />
    </>
  );
}

/** Says which parts of the service are away. */
function Away() {
  const { data } = useQuery(readyQuery);
  const away = Object.entries(data?.away_since ?? {});
  return (
    <div role="status" aria-live="polite">
      {away.map(([part, since]) => (
        <div key={part} className="box warning slim">
          <strong>{texts.away.title(part, time(since))}</strong> {data?.checks[part]} {texts.away.rest}
        </div>
      ))}
    </div>
  );
}

/** The name of the page; for readers of a share link it is not a link. */
function Brand({ isLink }: { isLink: boolean }) {
  const brand = (
    <>
      <Mark /> {texts.name}
    </>
  );
  return isLink ? (
    <Link to="/new" className="brand">
      {brand}
    </Link>
  ) : (
    <span className="brand">{brand}</span>
  );
}

function Navigation() {
  return (
    <nav aria-label={texts.name}>
      {LINKS.map(([to, name]) => (
        <Link key={to} to={to} activeProps={{ className: "active", "aria-current": "page" }}>
          {name}
        </Link>
      ))}
    </nav>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" className="mark">
      <rect width="32" height="32" rx="7" />
      <path d="M7 10h18M7 16h11M7 22h6" />
      <path d="M22 16h3M17 22h8" className="second" />
    </svg>
  );
}

function Who({ name, onSignOut }: { name: string; onSignOut: () => void }) {
  const leave = async () => {
    const answer = await fetch("/auth/logout", { method: "POST", headers: headers() }).catch(() => null);
    if (answer?.ok !== true) {
      complain(problemOf(answer?.status ?? 0, { detail: texts.signIn.notOut, remedy: texts.signIn.notOutRemedy }));
      return;
    }
    onSignOut();
    location.assign("/new");
  };
  return (
    <span className="who">
      <span className="name">{name}</span>
      <button type="button" className="link" onClick={() => void leave()}>
        {texts.signIn.out}
      </button>
    </span>
  );
}

function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(knownTheme);
  useEffect(() => applyTheme(theme), [theme]);
  return (
    <label className="theme">
      <span className="hidden">{texts.theme.label}</span>
      <select value={theme} onChange={(change) => setTheme(change.target.value as Theme)}>
        <option value="system">{texts.theme.system}</option>
        <option value="light">{texts.theme.light}</option>
        <option value="dark">{texts.theme.dark}</option>
      </select>
    </label>
  );
}

/** Moves the focus to the heading of a new view as soon as it is rendered. */
function Focus() {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const before = useRef<string>(undefined);
  useEffect(() => {
    const isFirst = before.current === undefined; // where the browser began, it has the focus
    before.current = path;
    if (isFirst) return;
    const focus = () => {
      const heading = document.querySelector<HTMLElement>("main h1");
      if (heading === null) return false;
      heading.tabIndex = -1;
      heading.focus();
      return true;
    };
    if (focus()) return;
    const observer = new MutationObserver(() => {
      if (focus()) observer.disconnect();
    });
    observer.observe(document.querySelector("main") ?? document.body, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, [path]);
  return null;
}

/** Sets the tab's title, except for a search, which sets its own. */
function Title() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    const known = LINKS.find(([to]) => path === to);
    if (known !== undefined) document.title = `${known[1]} · ${texts.name}`;
  }, [path]);
  return null;
}
