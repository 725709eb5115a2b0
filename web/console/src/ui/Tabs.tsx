/**
 * Tabs over panels; arrow keys move between them. Keep the choice in the address with `useQueryParam`.
 *
 *     const [tab, setTab] = useQueryParam("tab", "keys");
 *     <Tabs label="Source" value={tab} onChange={setTab} tabs={[{ value: "keys", label: "Keys", count: 2 }, …]} />
 *     <TabPanel of="keys" value={tab}>…</TabPanel>
 *
 * `kind="segments"` looks like a switch: for two or three ways to show the same.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface Tab {
  value: string;
  label: ComponentChildren;
  count?: ComponentChildren;
  disabled?: boolean;
}

interface Props {
  label: string;
  value: string;
  tabs: readonly Tab[];
  onChange: (value: string) => void;
  kind?: "tabs" | "segments";
}

export function Tabs({ label, value, tabs, onChange, kind = "tabs" }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const counted = tabs.filter((tab) => tab.count !== undefined).length;
  useLayoutEffect(() => {
    // In a narrow window the row of tabs is scrolled; the chosen one is to be seen.
    const box = list.current!;
    const chosen = box.querySelector<HTMLElement>("[aria-selected=true]");
    if (chosen && box.scrollWidth > box.clientWidth) box.scrollLeft = chosen.offsetLeft - box.offsetLeft - (box.clientWidth - chosen.offsetWidth) / 2;
  }, [value, counted]); // counts come later, and push the others aside
  const onKey = (event: KeyboardEvent) => {
    const enabled = tabs.filter((tab) => !tab.disabled);
    const at = enabled.findIndex((tab) => tab.value === value);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: enabled.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = enabled[(to + enabled.length) % enabled.length]!;
    onChange(next.value);
    list.current?.querySelector<HTMLElement>(`[data-value="${CSS.escape(next.value)}"]`)?.focus();
  };
  return (
    <div class={kind} role="tablist" aria-label={label} ref={list} onKeyDown={onKey}>
      {tabs.map((tab) => (
        <button key={tab.value} type="button" role="tab" id={`tab-${tab.value}`} data-value={tab.value} aria-selected={tab.value === value}
          disabled={tab.disabled} tabIndex={tab.value === value ? 0 : -1} onClick={() => onChange(tab.value)}>
          {tab.label}{tab.count !== undefined && <span class="tab-count">{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}

export function TabPanel({ of, value, children }: { of: string; value: string; children: ComponentChildren }) {
  if (of !== value) return null;
  return <div role="tabpanel" class="tab-panel" aria-labelledby={`tab-${of}`} tabIndex={-1}>{children}</div>;
}

interface RadioProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

/** One of a few: a range of time, a way to show something. Looks like `kind="segments"` but has no panels. */
export function Segments<T extends string>({ label, value, options, onChange }: RadioProps<T>) {
  const group = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent) => {
    const at = options.findIndex((option) => option.value === value);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + options.length) % options.length;
    onChange(options[next]!.value);
    (group.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  const known = options.some((option) => option.value === value);
  return (
    <div class="segments" role="radiogroup" aria-label={label} ref={group} onKeyDown={onKey}>
      {options.map((option, i) => (
        <button key={option.value} type="button" role="radio" aria-checked={option.value === value}
          tabIndex={option.value === value || (!known && i === 0) ? 0 : -1} onClick={() => onChange(option.value)}>{option.label}</button>
      ))}
    </div>
  );
}
