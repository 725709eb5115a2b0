/** The same call from every client's language. */
import { useMemo } from "preact/hooks";
import { CodeBlock } from "../ui/CodeBlock";
import { useQueryParam } from "../ui/router";
import { Tabs } from "../ui/Tabs";
import type { Call, CallType } from "./call";
import { snippets, type Target } from "./snippets";

export function Snippets({ type, call, target }: { type: CallType; call: Call; target: Target }) {
  const [chosen, setChosen] = useQueryParam("lang", "web");
  const all = useMemo(() => snippets(type, call, target), [type, call, target.host, target.writeKey]);
  const shown = all.find((one) => one.id === chosen) ?? all[0]!;
  return (
    <div class="play-snippets">
      <Tabs label="Language" value={shown.id} onChange={setChosen} tabs={all.map((one) => ({ value: one.id, label: one.label }))} />
      <div role="tabpanel" aria-labelledby={`tab-${shown.id}`}>
        <CodeBlock code={shown.code} label={shown.install && <code>{shown.install}</code>} />
        {shown.note && <p class="faint play-note">{shown.note}</p>}
      </div>
    </div>
  );
}
