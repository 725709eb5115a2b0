/**
 * Calls that the page's own events make: clicks on links, submits of forms, navigation, and `data-track` attributes.
 *
 * Nothing is held up for them: what was called before the page is left is kept, and goes out.
 */

import { notePage, type NotedPage } from "./context";
import { parse } from "./storage";
import { isFunction, isObject, type Values } from "./values";

export type Elements = Element | ArrayLike<Element> | { toArray(): Element[] } | null;

/** Calls `track` on clicks on links, or submits of forms, with what gives a property its value for that element. */
export const trackElements = (kind: string, elements: Elements, track: (element: Element) => void) =>
  Array.from(
    elements instanceof Element ? [elements] : ((elements as Values)?.["toArray"]?.() ?? elements ?? []),
    (element: Element) => element.addEventListener(kind, () => track(element)),
  );

/** Returns what `given` is for an element: callers may give a function. */
export const valueFor = (element: Element, given: unknown) => (isFunction(given) ? given(element as never) : given);

/**
 * Tracks clicks on `data-track="Event Name"`, or submits of such forms; `data-track-some-thing` is `some_thing`. A
 * `data-track-props` that is no JSON object goes along as the text it is, under `props`.
 */
export const trackDataAttributes = (track: (event: string, properties: Values) => void) => {
  ["click", "submit"].forEach((kind) =>
    addEventListener(
      kind,
      ({ target }) => {
        const element = (target as Element).closest?.<HTMLElement>("[data-track]");
        if (!element || (kind == "submit") != (element.tagName == "FORM")) return;
        const { track: event, trackProps = "{}", ...more } = element.dataset;
        const properties: Values = {};
        for (const name in more)
          if (/^track/.test(name))
            properties[name.slice(5).replace(/\B[A-Z]/g, "_$&").toLowerCase()] = more[name];
        const props = parse(trackProps);
        track(event!, { ...properties, ...(isObject(props) ? props : (console.warn(trackProps), { props: trackProps })) });
      },
      true,
    ),
  );
};

/** Calls `onPage` when the address has changed without a new page; the address before is its referrer. */
export const trackNavigation = (onPage: (noted: NotedPage) => void) => {
  const here = () => location.href.split("#")[0]!;
  let before = here();
  const look = (_: unknown) =>
    setTimeout(() => {
      if (here() == before) return;
      onPage(notePage(before));
      before = here();
    });
  (["pushState", "replaceState"] as const).forEach((name) => {
    const real = history[name];
    history[name] = (...given) => void look(real.apply(history, given));
  });
  addEventListener("popstate", look);
};
