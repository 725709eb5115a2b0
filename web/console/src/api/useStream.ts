/**
 * Server-sent events of the API: each named message goes to its handler, for as long as the component is there.
 *
 *     const link = useStream("/api/replays/7/progress", { progress: (state: Progress) => setState(state) });
 *
 * A lost connection is made anew with growing pauses; `link` says how it stands. `path` null listens to nothing.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { goToLogin } from "./client";

export type Link = "connecting" | "live" | "lost";
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each handler knows the data of its own message
export type Handlers = Record<string, (data: any) => void>;

export function useStream(path: string | null, handlers: Handlers): Link {
  const [link, setLink] = useState<Link>("connecting");
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    if (path === null) return;
    return openStream(path, () => latest.current, setLink);
  }, [path]);
  return link;
}

/** Listen until the returned function is called; the names of the handlers are those of the first moment. */
export function openStream(path: string, handlers: () => Handlers, onLink: (link: Link) => void = () => undefined): () => void {
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let waitMs = FIRST_WAIT_MS;
  const connect = () => {
    source = new EventSource(path);
    source.onopen = () => { waitMs = FIRST_WAIT_MS; onLink("live"); };
    source.onerror = () => {
      source?.close();
      onLink("lost");
      retry = setTimeout(() => void again(), waitMs);
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
    };
    for (const name of Object.keys(handlers())) {
      source.addEventListener(name, (message) => handlers()[name]?.(JSON.parse((message as MessageEvent<string>).data)));
    }
  };
  const again = async () => {
    const status = await fetch("/api/workspace").then((answer) => answer.status, () => 0);
    if (status === 401) goToLogin();
    else if (source) connect();
  };
  connect();
  return () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
}
