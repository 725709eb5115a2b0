/**
 * What stands in place of content, or above it. Each says what to do next.
 *
 *     <Loading />                                                       while the first answer is on its way
 *     <EmptyState title="No dead letters" icon={<CheckIcon />}>…</EmptyState>
 *     <ErrorState message={error.message} onRetry={reload} />           in place of the content
 *     <Notice tone="odd" title="Paused">…</Notice>                      above the content
 *     <Fetched resource={useResource<T>(path)}>{(data) => …}</Fetched>  all three, for one part of the API
 */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Resource } from "../api/useResource";
import { InfoIcon, OkayIcon, WarningIcon } from "./icons";

const PATIENCE_MS = 250;

/** Says nothing for a moment, so that quick answers do not flicker. */
export function Loading({ what = "Loading" }: { what?: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return <div class="state" role="status" aria-busy="true">{late && <p class="loading"><i class="spinner" aria-hidden="true" />{what} …</p>}</div>;
}

interface EmptyProps {
  title: string;
  icon?: ComponentChildren;
  /** What would fill this place, and how. */
  children?: ComponentChildren;
  /** Buttons or links. */
  action?: ComponentChildren;
}

export function EmptyState({ title, icon, children, action }: EmptyProps) {
  return (
    <div class="state">
      {icon && <div class="state-icon" aria-hidden="true">{icon}</div>}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action && <div class="state-actions">{action}</div>}
    </div>
  );
}

interface ErrorProps {
  title?: string;
  message: ComponentChildren;
  onRetry?: () => void;
  action?: ComponentChildren;
}

export function ErrorState({ title = "This could not be shown", message, onRetry, action }: ErrorProps) {
  return (
    <div class="state" role="alert">
      <div class="state-icon bad" aria-hidden="true"><WarningIcon /></div>
      <h2>{title}</h2>
      <p>{message}</p>
      {(onRetry || action) && (
        <div class="state-actions">{onRetry && <button type="button" class="button" onClick={onRetry}>Try again</button>}{action}</div>
      )}
    </div>
  );
}

export type Tone = "good" | "odd" | "bad" | "info";

export function Notice({ tone = "info", title, children, action }: { tone?: Tone; title?: ComponentChildren; children?: ComponentChildren; action?: ComponentChildren }) {
  const icon = tone === "good" ? <OkayIcon /> : tone === "info" ? <InfoIcon /> : <WarningIcon />;
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : undefined}>
      {icon}
      <div class="notice-text">{title && <b>{title}</b>}{children && <div class="notice-body">{children}</div>}</div>
      {action && <div class="notice-action">{action}</div>}
    </div>
  );
}

/** Content of one part of the API, or what stands in its place until it is there. */
export function Fetched<T>({ resource, children }: { resource: Resource<T>; children: (data: T) => ComponentChildren }) {
  const { data, error, reload } = resource;
  if (data === undefined) return error ? <ErrorState message={error.message} onRetry={reload} /> : <Loading />;
  return (
    <>
      {error && <Notice tone="bad" title="Not up to date" action={<button type="button" class="button" onClick={reload}>Try again</button>}>{error.message}</Notice>}
      {children(data)}
    </>
  );
}
