/**
 * The head of a page, and the page around it.
 *
 *     <Page title="Sources" note="Where events come from" actions={<button class="button primary">…</button>}>
 *       <Section title="Write keys" actions={…}>…</Section>
 *     </Page>
 *
 * `back` is a link above the title of a page inside another: { href, label }. `fill` gives the content the window's whole
 * height (lists and editors that scroll by themselves) instead of letting the page scroll.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";
import { BackIcon } from "./icons";
import { Link } from "./Link";

interface PageProps {
  title: ComponentChildren;
  /** A word about the page, or chips beside its title. */
  note?: ComponentChildren;
  actions?: ComponentChildren;
  back?: { href: string; label: string };
  /** Tabs below the title. */
  tabs?: ComponentChildren;
  fill?: boolean;
  children: ComponentChildren;
}

export function Page({ title, note, actions, back, tabs, fill = false, children }: PageProps) {
  return (
    <div class={fill ? "page page-fill" : "page"}>
      <header class="page-top">
        {back && <Link class="page-back" href={back.href}><BackIcon />{back.label}</Link>}
        <div class="page-head">
          <h1>{title}</h1>
          {note && <div class="page-note">{note}</div>}
          {actions && <div class="page-actions">{actions}</div>}
        </div>
        {tabs}
      </header>
      <div class="page-body">{children}</div>
    </div>
  );
}

interface SectionProps {
  title: ComponentChildren;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  /** Put a frame around the content. */
  framed?: boolean;
  children: ComponentChildren;
}

export function Section({ title, note, actions, framed = false, children }: SectionProps) {
  const id = useId();
  return (
    <section class="section" aria-labelledby={id}>
      <header class="section-head">
        <h2 id={id}>{title}</h2>
        {note && <div class="section-note">{note}</div>}
        {actions && <div class="section-actions">{actions}</div>}
      </header>
      {framed ? <div class="frame">{children}</div> : children}
    </section>
  );
}

/** Give the browser's tab a title of the page's own. */
export function useTitle(title: string): void {
  useEffect(() => { if (title) document.title = `${title} · Trackway`; }, [title]);
}
