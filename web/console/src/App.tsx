/** The frame of the console: the navigation, and the page that is open. */
import type { ComponentType } from "preact";
import { useEffect, useErrorBoundary, useRef, useState } from "preact/hooks";
import { Nav } from "./nav/Nav";
import { routeAt, type PageProps, type Route } from "./routes";
import { ConfirmHost } from "./ui/Dialog";
import { EmptyState, ErrorState, Loading } from "./ui/states";
import { Link } from "./ui/Link";
import { useRouter } from "./ui/router";
import { Page } from "./ui/PageHeader";
import { ToastHost } from "./ui/Toast";

export function App() {
  const { path } = useRouter();
  const found = routeAt(path);
  const label = found?.route.label ?? "";
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const came = useRef(path);
  useEffect(() => {
    document.title = label ? `${label} · Trackway` : "Not found · Trackway";
    // Whoever hears the page or uses the keyboard begins at the new page's top, not at the link that led here.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [label]);
  useEffect(() => {
    if (came.current === path) return;
    came.current = path;
    // A link to another place of the same page is gone with what it stood in: the keyboard goes on at the page's top.
    const frame = requestAnimationFrame(() => { if (document.activeElement === document.body) main.current?.focus({ preventScroll: true }); });
    return () => cancelAnimationFrame(frame);
  }, [path]);
  return (
    <div class="app">
      <a class="skip" href="#main" onClick={(click) => { click.preventDefault(); main.current?.focus(); }}>Skip to the page</a>
      <Nav here={found?.route ?? null} />
      <main class="main" id="main" tabIndex={-1} ref={main}>
        {found ? <LoadedPage key={found.route.patterns[0]} route={found.route} params={found.params} /> : <NotFound />}
      </main>
      <ConfirmHost />
      <ToastHost />
    </div>
  );
}

const loaded = new Map<Route, ComponentType<PageProps>>();

function LoadedPage({ route, params }: { route: Route; params: Record<string, string> }) {
  const [, render] = useState(0);
  const [problem, setProblem] = useState("");
  const [broken] = useErrorBoundary();
  useEffect(() => {
    if (loaded.has(route)) return;
    route.load().then((module) => { loaded.set(route, module.default); render((count) => count + 1); },
      () => setProblem("This part of the console did not load. Trackway may have been updated: load the page anew."));
  }, [route]);
  const Page = loaded.get(route);
  const message = problem || (broken ? `This page failed: ${String((broken as Error).message ?? broken)}` : "");
  if (message) return <ErrorState title="That did not work" message={message} action={<button type="button" class="button" onClick={() => location.reload()}>Load anew</button>} />;
  return Page ? <Page params={params} /> : <Loading />;
}

function NotFound() {
  return <Page title="Not found"><EmptyState title="There is no such page" action={<Link class="button" href="/">To the start</Link>}>The address may be from another version of Trackway.</EmptyState></Page>;
}
