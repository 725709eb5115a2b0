/**
 * Something long that the server does: start it, see how far it is, cancel it.
 *
 *     const job = useJob<Released>();
 *     await job.start("/api/quarantine/release", { which });
 *     job.running && <Progress label="Releasing" done={job.done} of={job.total} onCancel={job.cancel} />
 *
 * A job goes on when the page is left; what it has done by a cancel stays done.
 */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, isAbort, messageOf, post } from "./client";

export interface JobView<T> {
  id: number;
  kind: string;
  state: "running" | "done" | "cancelled" | "failed";
  done: number;
  total: number;
  result: T | null;
  error: string;
}

export interface Job<T> {
  view: JobView<T> | null;
  running: boolean;
  done: number;
  /** Undefined while nobody knows. */
  total: number | undefined;
  result: T | null;
  /** Why it could not begin, or did not end well. */
  error: string;
  start: (path: string, body: unknown) => Promise<JobView<T> | null>;
  cancel: () => void;
  clear: () => void;
}

const FIRST_MS = 60;
const EVERY_MS = 400;

export function useJob<T>(): Job<T> {
  const [view, setView] = useState<JobView<T> | null>(null);
  const [problem, setProblem] = useState("");
  const gone = useRef(new AbortController());
  const turn = useRef(0);
  useEffect(() => () => gone.current.abort(), []);

  const start = useCallback(async (path: string, body: unknown) => {
    setProblem("");
    setView(null);
    const { signal } = gone.current;
    const mine = ++turn.current;
    try {
      let now = await post<JobView<T>>(path, body, { signal });
      if (mine !== turn.current) {
        void post(`/api/jobs/${now.id}/cancel`, {}).catch(() => undefined);
        return null;
      }
      setView(now);
      for (let waitMs = FIRST_MS; now.state === "running"; waitMs = Math.min(EVERY_MS, waitMs * 2)) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (signal.aborted) return null;
        // Another one was begun: nobody wants this one any more.
        if (mine !== turn.current) {
          void post(`/api/jobs/${now.id}/cancel`, {}).catch(() => undefined);
          return null;
        }
        now = await get<JobView<T>>(`/api/jobs/${now.id}`, { signal });
        if (mine === turn.current) setView(now);
      }
      return now;
    } catch (error) {
      if (!isAbort(error) && mine === turn.current) {
        setProblem(messageOf(error));
        setView(null);
      }
      return null;
    }
  }, []);
  const id = view?.id;
  const cancel = useCallback(() => { if (id !== undefined) void post(`/api/jobs/${id}/cancel`, {}).catch(() => undefined); }, [id]);
  const clear = useCallback(() => { setView(null); setProblem(""); }, []);
  return {
    view, start, cancel, clear,
    running: view?.state === "running",
    done: view?.done ?? 0,
    total: view?.total || undefined,
    result: view?.state === "done" ? view.result : null,
    error: problem || (view?.state === "failed" ? view.error : ""),
  };
}
