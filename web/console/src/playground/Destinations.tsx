/** What each destination would be sent of one event, side by side. */
import { useState } from "preact/hooks";
import { JsonTree } from "../json/JsonTree";
import { CopyButton } from "../ui/CopyButton";
import { Link } from "../ui/Link";
import { Segments } from "../ui/Tabs";
import type { DestinationTold, Request } from "./api";

const WORDS: Record<string, [string, string]> = {
  sent: ["would be sent", "good"], discarded: ["left out", ""], failed: ["would fail", "bad"], error: ["cannot be used", "bad"], "": ["gets nothing", ""],
};

export function Destinations({ destinations }: { destinations: readonly DestinationTold[] }) {
  const own = destinations.filter((one) => one.key);
  const [shown, setShown] = useState<"own" | "all">(own.length ? "own" : "all");
  const listed = shown === "own" && own.length ? own : destinations;
  return (
    <>
      {own.length > 0 && (
        <div class="play-which">
          <Segments label="Which destinations" value={shown} onChange={setShown} options={[{ value: "own", label: `Yours (${own.length})` }, { value: "all", label: `The whole catalogue (${destinations.length})` }]} />
        </div>
      )}
      <div class="play-destinations">
        {listed.map((one) => <Card key={one.key || `kind:${one.type}`} told={one} />)}
      </div>
    </>
  );
}

function Card({ told }: { told: DestinationTold }) {
  const [word, tone] = WORDS[told.outcome] ?? WORDS[""]!;
  const title = told.key ? told.name : told.name.replace(/ ?\((?:Actions|Cloud Mode)\)|^Actions | Cloud( Mode)?( \(Actions\))?$/g, "").trim() || told.type;
  return (
    <article class="play-card" aria-label={title}>
      <header>
        <span class="play-mark" data-hue={hueOf(told.type)} aria-hidden="true">{told.type[0]!.toUpperCase()}</span>
        <div class="play-card-name">
          <b>{told.key ? <Link href={`/destinations/${told.key}`}>{title}</Link> : title}</b>
          <small>{told.type}{told.key ? (told.enabled ? "" : ", switched off") : ", example settings"}</small>
        </div>
        <span class={`badge ${tone}`}>{word}</span>
      </header>
      {told.reason && <p class="play-why"><code>{told.reason}</code> {told.meaning}{told.detail && <> {told.detail}</>}</p>}
      {!told.reason && told.detail && <p class="play-why">{told.detail}</p>}
      {told.requests.map((request, i) => <RequestView key={i} request={request} />)}
    </article>
  );
}

function RequestView({ request }: { request: Request }) {
  const headers = Object.entries(request.headers);
  return (
    <div class="play-request">
      <div class="play-line"><span class="chip chip-unknown">{request.method}</span><code title={request.url}>{request.url}</code><CopyButton quiet label="Copy the body" text={() => (typeof request.body === "string" ? request.body : JSON.stringify(request.body, null, 2))} /></div>
      {headers.length > 0 && (
        <details class="play-headers"><summary>{headers.length} {headers.length === 1 ? "header" : "headers"}</summary>
          <dl>{headers.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
        </details>
      )}
      {request.body !== null && (typeof request.body === "object" ? <JsonTree value={request.body} /> : <pre class="raw" tabIndex={0}>{String(request.body)}</pre>)}
    </div>
  );
}

function hueOf(type: string): number {
  return [...type].reduce((all, char) => all + char.charCodeAt(0), 0) % 6;
}
