/**
 * A part of the API as something to render: asked when the component appears and whenever `path` changes, aborted when
 * it goes, asked again every `everyMs` while the page is seen.
 *
 *     const { data, error, reload } = useResource<Ledger>("/api/ledger", { everyMs: 2000 });
 *
 * While a new answer is on its way the old one of the same path stays, so that nothing flickers. `path` null asks nothing.
 */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call, isAbort, messageOf } from "./client";

export interface Resource<T> {
  data: T | undefined;
  /** Why the last try failed; `data` may be of a try before. */
  error: ApiError | undefined;
  loading: boolean;
  /** Ask again now. */
  reload: () => void;
}

interface State<T> {
  path: string | null;
  data?: T | undefined;
  error?: ApiError | undefined;
}

export function useResource<T>(path: string | null, { everyMs = 0, keep = false }: { everyMs?: number; /** Show the answer of the last path until the new one is there. */ keep?: boolean } = {}): Resource<T> {
  const [state, setState] = useState<State<T>>({ path: null });
  const [turn, setTurn] = useState(0);
  const text = useRef("");
  const reload = useCallback(() => setTurn((count) => count + 1), []);
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const data = await call<T>(path, { signal: abort.signal });
        // The same answer again renders nothing.
        const now = path + JSON.stringify(data);
        if (now !== text.current) {
          text.current = now;
          setState({ path, data });
        }
      } catch (error) {
        if (isAbort(error)) return;
        text.current = "";
        const told = error instanceof ApiError ? error : new ApiError(0, "broken", messageOf(error));
        setState((old) => ({ path, error: told, data: old.path === path ? old.data : undefined }));
      }
      if (everyMs > 0 && !abort.signal.aborted) timer = setTimeout(wait, everyMs);
    };
    /** A page that nobody looks at asks nothing. */
    const wait = () => {
      if (!document.hidden) void ask();
      else document.addEventListener("visibilitychange", wait, { once: true });
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wait);
    };
  }, [path, everyMs, turn]);
  const current = state.path === path;
  return {
    data: current || keep ? state.data : undefined,
    error: current ? state.error : undefined,
    loading: path !== null && !current,
    reload,
  };
}
