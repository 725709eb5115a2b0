/** A link inside the console: an ordinary `<a>` that does not load the page anew. */
import type { ComponentChildren, JSX } from "preact";
import { isPlainClick, router } from "./router";

interface Props extends Omit<JSX.HTMLAttributes<HTMLAnchorElement>, "href"> {
  /** A path of the console, with its query if it has one. */
  href: string;
  children: ComponentChildren;
}

export function Link({ href, children, onClick, ...rest }: Props) {
  return (
    <a {...rest} href={href} onClick={(click) => {
      onClick?.(click);
      if (click.defaultPrevented || !isPlainClick(click)) return;
      click.preventDefault();
      const [path, search = ""] = href.split("?");
      router.go(path!, { query: new URLSearchParams(search) });
    }}>{children}</a>
  );
}
