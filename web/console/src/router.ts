import type { Position } from "./api";
import { Emitter } from "./emitter";
import { eventOf } from "./path";

/** Where the browser is: the page, and the event whose panel is open. */
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

  /** The event named by the path, if one is. */
  get event(): Position | null {
    return eventOf(location.pathname);
  }

  /** Go to a path; `replace` leaves no entry in the browser's history. */
  go(path: string, options: { query?: URLSearchParams; replace?: boolean } = {}): void {
    const search = (options.query ?? this.query).toString();
    const target = search ? `${path}?${search}` : path;
    if (target === location.pathname + location.search) return;
    if (options.replace) history.replaceState(null, "", target);
    else history.pushState(null, "", target);
    this.emit();
  }
}

export const router = new Router();
