/** Set-up by kind of client. */
import { CodeBlock } from "../ui/CodeBlock";
import { Section } from "../ui/PageHeader";
import { Prose } from "../ui/Prose";
import { useQueryParam } from "../ui/router";
import { Notice } from "../ui/states";
import { Segments } from "../ui/Tabs";
import { reachOf, snippetsOf } from "./snippets";

export function Snippets({ host, writeKey }: { host: string; writeKey: string }) {
  const snippets = snippetsOf(host, writeKey);
  const [client, setClient] = useQueryParam("client", "web");
  const chosen = snippets.find((snippet) => snippet.value === client) ?? snippets[0]!;
  const reach = reachOf(host, chosen.value);
  return (
    <Section title="Send events" note="Segment's own clients, with another host" actions={<Segments label="Client" value={chosen.value} options={snippets} onChange={setClient} />}>
      <div class="stack">
        {chosen.parts.map((part) => <CodeBlock key={part.label} label={part.label} code={part.code} />)}
        {reach && <Notice><Prose text={reach} /></Notice>}
      </div>
    </Section>
  );
}
