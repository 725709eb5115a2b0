import { useEffect, useState } from "preact/hooks";
import { getOverview, getWorkspace, type Workspace } from "./api";
import { useChanges } from "./emitter";
import { Feed } from "./live/feed";
import { LivePage } from "./live/LivePage";
import { router } from "./router";
import { SqlPage } from "./sql/SqlPage";
import { CopyButton } from "./ui/CopyButton";
import { LeaveIcon, LiveIcon, Logo, SqlIcon } from "./ui/icons";

const feed = new Feed();

/** The frame of the console: where one can go, and the page that is open. */
export function App() {
  useChanges(router);
  const [workspace, setWorkspace] = useState<Workspace | null>(null);
  useEffect(() => {
    getWorkspace().then(setWorkspace, () => undefined);
    getOverview().then((overview) => feed.setOverview(overview), () => undefined);
  }, []);
  const onSql = router.path === "/sql";
  useEffect(() => {
    document.title = onSql ? "SQL · Trackway" : "Live · Trackway";
    if (onSql) feed.close();
  }, [onSql]);
  return (
    <div class="app">
      <nav class="nav" aria-label="Console">
        <a class="brand" href="/" onClick={(click) => follow(click, "/")}><Logo />Trackway</a>
        <ul>
          <li><Item path="/" label="Live" icon={<LiveIcon />} here={!onSql} /></li>
          {workspace?.sql !== false && <li><Item path="/sql" label="SQL" icon={<SqlIcon />} here={onSql} /></li>}
        </ul>
        <div class="nav-foot">
          {workspace && (
            <div class="ingest">
              <span>Clients send to</span>
              <code>{workspace.ingest_url.replace(/^https?:\/\//, "")}</code>
              <CopyButton text={workspace.ingest_url} label="Copy the address" quiet />
            </div>
          )}
          <form method="post" action="/logout"><button type="submit" class="button quiet"><LeaveIcon /><span>Log out</span></button></form>
          {workspace && <span class="version">{workspace.version}</span>}
        </div>
      </nav>
      <main class="main">{onSql ? <SqlPage /> : <LivePage feed={feed} workspace={workspace} />}</main>
    </div>
  );
}

function Item({ path, label, icon, here }: { path: string; label: string; icon: preact.JSX.Element; here: boolean }) {
  return <a class="nav-item" href={path} aria-current={here ? "page" : undefined} onClick={(click) => follow(click, path)}>{icon}{label}</a>;
}

/** A click with a modifier is left to the browser. */
function follow(click: MouseEvent, path: string): void {
  if (click.metaKey || click.ctrlKey || click.shiftKey) return;
  click.preventDefault();
  router.go(path, { query: new URLSearchParams() });
}
