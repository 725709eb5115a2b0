/** The navigation: a column, a column of icons when folded, and behind a button in narrow windows. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useWorkspace } from "../api/workspace";
import { GROUPS, type Route } from "../routes";
import { CopyButton } from "../ui/CopyButton";
import { FoldIcon, LeaveIcon, Logo, MenuIcon, CloseIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { router } from "../ui/router";
import { ThemeSwitch } from "../ui/ThemeSwitch";

const FOLDED = "nav-folded";

export function Nav({ here }: { here: Route | null }) {
  const workspace = useWorkspace();
  const [open, setOpen] = useState(false);
  const [folded, setFolded] = useState(() => localStorage.getItem(FOLDED) === "1");
  const menu = useRef<HTMLButtonElement>(null);
  const close = () => { setOpen(false); menu.current?.focus(); };
  useEffect(() => router.subscribe(() => setOpen(false)), []);
  useLayoutEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent) => { if (event.key === "Escape") { event.preventDefault(); close(); } };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [open]);
  const fold = () => {
    localStorage.setItem(FOLDED, folded ? "0" : "1");
    setFolded(!folded);
  };
  return (
    <header class="nav" data-open={open} data-folded={folded}>
      <div class="nav-head">
        <Link class="brand" href="/" aria-label="Trackway, to the start"><Logo /><span>Trackway</span></Link>
        <button type="button" class="button quiet square nav-fold" aria-pressed={folded} aria-label={folded ? "Unfold the navigation" : "Fold the navigation"}
          title={folded ? "Unfold" : "Fold"} onClick={fold}><FoldIcon /></button>
        {here && <span class="nav-here" aria-hidden="true">{here.label}</span>}
        <button type="button" class="button quiet square nav-menu" ref={menu} aria-expanded={open} aria-controls="nav-pages" aria-label={open ? "Close the menu" : "Open the menu"}
          onClick={() => setOpen(!open)}>{open ? <CloseIcon /> : <MenuIcon />}</button>
      </div>
      {open && <div class="nav-scrim" onClick={close} />}
      <div class="nav-drawer" id="nav-pages">
        <nav aria-label="Console">
          {GROUPS.map((group) => {
            const pages = group.pages.filter((page) => !page.hidden && (!workspace || !page.shown || page.shown(workspace)));
            return pages.length > 0 && (
              <section key={group.title} class="nav-group" aria-labelledby={`nav-${group.title}`}>
                <h2 id={`nav-${group.title}`}>{group.title}</h2>
                <ul>
                  {pages.map((page) => (
                    <li key={page.label}>
                      <Link class="nav-item" href={page.patterns[0]!} aria-current={page === here ? "page" : undefined} title={folded ? page.label : undefined}>
                        {page.icon}<span>{page.label}</span>
                      </Link>
                    </li>
                  ))}
                </ul>
              </section>
            );
          })}
        </nav>
        <div class="nav-foot">
          {workspace && (
            <div class="ingest">
              <span>Clients send to</span>
              <code title={workspace.ingest_url}>{workspace.ingest_url.replace(/^https?:\/\//, "")}</code>
              <CopyButton text={workspace.ingest_url} label="Copy the address" quiet />
            </div>
          )}
          <div class="nav-tools">
            <form method="post" action="/logout"><button type="submit" class="button quiet" title="Log out"><LeaveIcon /><span>Log out</span></button></form>
            {workspace && <span class="version">{workspace.version}</span>}
            <ThemeSwitch />
          </div>
        </div>
      </div>
    </header>
  );
}
