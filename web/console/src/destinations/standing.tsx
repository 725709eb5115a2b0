/** How a destination stands, in a word and a colour, from what the API says of it. */
import type { DestinationStatus } from "../api/destinations";
import type { DestinationHealth } from "../api/health";
import { span } from "../ui/time";

export interface Standing {
  tone: "good" | "odd" | "bad" | "off";
  word: string;
  /** What it means and what to do, in a sentence; "" when all is well. */
  more: string;
}

export function standingOf(enabled: boolean, status: DestinationStatus | undefined, health: DestinationHealth | undefined): Standing {
  if (!enabled) return { tone: "off", word: "Switched off", more: "It is switched off in trackway.yaml: nothing is sent, and the log holds nothing back for it." };
  if (!status) return { tone: "off", word: "Starting", more: "" };
  if (status.state === "paused") return { tone: "odd", word: "Paused", more: "Somebody paused it. Nothing is sent; its events wait in the log, also over a restart." };
  if (status.state === "crashed") return { tone: "bad", word: "Crashed", more: `Its worker broke and starts again by itself: ${status.error}` };
  const worker = status.worker;
  if (worker?.refused && worker.reason === "address_not_allowed") return { tone: "bad", word: "Address not allowed", more: `${worker.detail}. Its events wait, none is lost.` };
  if (worker?.refused) return { tone: "bad", word: "Credentials refused", more: `It answers ${worker.reason}. Its events wait, none is lost. Correct its settings in trackway.yaml.` };
  if (worker && worker.breaker !== "closed") {
    const again = worker.opens_in_s > 0 ? ` Next try in ${worker.opens_in_s < 1 ? "a second" : span(worker.opens_in_s)}.` : "";
    return { tone: "bad", word: "Not answering", more: `The last tries ended with ${worker.reason || "no answer"}${worker.detail && ` (${worker.detail})`}. Its events wait in the log, in order.${again}` };
  }
  if (health && health.failed > 0) return { tone: "odd", word: "Some events fail", more: "It refused some events for good in the last minutes. They wait among the dead letters." };
  if (health && health.retrying > 0) return { tone: "odd", word: "Retrying", more: "Some events failed for now and are tried again." };
  if (health && health.lag_s > 30) return { tone: "odd", word: "Behind", more: "It takes events more slowly than they come." };
  return { tone: "good", word: "Up to date", more: "" };
}

export function StandingBadge({ standing }: { standing: Standing }) {
  return <span class={`badge ${standing.tone}`} title={standing.more || undefined}><i class={`status status-${standing.tone}`} aria-hidden="true" />{standing.word}</span>;
}

export function errorRate(health: DestinationHealth | undefined): number | null {
  return health && health.requests > 0 ? health.errors / health.requests : null;
}
