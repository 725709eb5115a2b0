/**
 * Where the browser is. The address is the only state that a page shares: filters, tabs and selections live in it, so
 * that the back button, a reload and a shared link all show the same.
 *
 *     router.go("/sources/web");                                   // a new entry of the browser's history
 *     router.setQuery({ tab: "keys" });                            // same page, same entry; empty members are removed
 *     const [tab, setTab] = useQueryParam("tab", "overview");
 *     <Link href="/live">Live</Link>                               // an ordinary link that does not load the page anew
 */
import { Emitter, useChanges } from "./emitter";

export class Router extends Emitter {
  constructor() {
    super();
    addEventListener("popstate", () => this.emit());
  }

  get path(): string {
    return location.pathname;
  }

  get query(): URLSearchParams {
    return new URLSearchParams(location.search);
  }

  /** Go to a path with an optional query; `replace` leaves no entry in the browser's history. */
  go(path: string, options: { query?: URLSearchParams; replace?: boolean } = {}): void {
    const search = options.query?.toString() ?? "";
    const target = search ? `${path}?${search}` : path;
    if (target === location.pathname + location.search) return;
    if (options.replace) history.replaceState(null, "", target);
    else history.pushState(null, "", target);
    this.emit();
  }

  /** Change members of the query; an empty text removes one. */
  setQuery(change: Record<string, string>, { push = false } = {}): void {
    const query = this.query;
    for (const [key, value] of Object.entries(change)) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    this.go(this.path, { query, replace: !push });
  }
}

export const router = new Router();

/** Render anew whenever the address changes. */
export function useRouter(): Router {
  useChanges(router);
  return router;
}

/** A text that is kept in the address; the fallback is not written there. */
export function useQueryParam(name: string, fallback = ""): [string, (value: string) => void] {
  useChanges(router);
  return [router.query.get(name) ?? fallback, (value) => router.setQuery({ [name]: value === fallback ? "" : value })];
}

/** A click with a modifier is left to the browser, which opens a tab or a window. */
export function isPlainClick(click: MouseEvent): boolean {
  return !(click.metaKey || click.ctrlKey || click.shiftKey || click.altKey || click.button);
}
