/** The editor of `Editor.tsx`, loaded when it is first shown: it is larger than any page. Same properties. */
import type { ComponentProps, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Editor } from "./Editor";
import { Loading } from "./states";

export type { Problem } from "./Editor";
type Props = ComponentProps<typeof Editor>;

let loaded: ComponentType<Props> | null = null;

export function LazyEditor(props: Props) {
  const [Part, setPart] = useState<{ of: ComponentType<Props> } | null>(loaded && { of: loaded });
  useEffect(() => {
    if (Part) return;
    let gone = false;
    void import("./Editor").then((module) => { loaded = module.Editor; if (!gone) setPart({ of: module.Editor }); });
    return () => { gone = true; };
  }, []);
  return Part ? <Part.of {...props} /> : <Loading what="Loading the editor" />;
}
