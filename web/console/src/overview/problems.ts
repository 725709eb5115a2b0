/** What needs somebody's attention, the worst first. */
import type { DestinationStatus } from "../api/destinations";
import type { Health } from "../api/health";
import { destinationName, type Workspace } from "../api/workspace";
import { standingOf } from "../destinations/standing";
import { whole } from "../ui/format";

export interface Problem {
  tone: "bad" | "odd";
  title: string;
  text: string;
  href?: string;
  link?: string;
}

export interface Ledger {
  accepted: number;
  waiting: number;
  differences: Record<string, number>;
}

/** Of `/api/alerts`, what the overview shows. */
export interface Alerts {
  rules: { name: string; when: string }[];
  standings: { rule: string; subject: string; fired_ms: number | null; resolved_ms: number | null; title: string; text: string }[];
}

interface Known {
  alerts: Alerts | undefined;
  workspace: Workspace | null;
  health: Health | undefined;
  statuses: readonly DestinationStatus[];
  ledger: Ledger | undefined;
}

const FEW_DAYS = 7;
const VERY_FEW_DAYS = 2;

export function problemsOf(known: Known): Problem[] {
  const found = [...ledgerProblems(known), ...settingsProblems(known), ...destinationProblems(known), ...sourceProblems(known), ...diskProblems(known), ...alertProblems(known)];
  return found.sort((one, other) => Number(other.tone === "bad") - Number(one.tone === "bad"));
}

function ledgerProblems({ ledger }: Known): Problem[] {
  return Object.entries(ledger?.differences ?? {}).map(([name, by]) => ({
    tone: "bad", title: "The ledger does not balance", text: `${name} is out by ${whole(by)}. That is a defect: \`trackway ledger\` and \`trackway log verify\` say more.`,
  }));
}

function settingsProblems({ workspace }: Known): Problem[] {
  const { mistake, waiting } = workspace?.settings ?? { mistake: null, waiting: [] };
  const found: Problem[] = [];
  if (mistake) found.push({ tone: "bad", title: "trackway.yaml is not in force as it is now", text: mistake });
  if (waiting.length) found.push({ tone: "odd", title: "Some settings wait for a restart", text: waiting.join(", ") });
  return found;
}

function destinationProblems({ workspace, statuses, health }: Known): Problem[] {
  const found: Problem[] = [];
  for (const status of statuses) {
    const { tone, word, more } = standingOf(true, status, health?.destinations.find((one) => one.destination === status.destination));
    if (tone !== "bad" && tone !== "odd") continue;
    found.push({ tone, title: `${destinationName(workspace, status.destination)}: ${word.toLowerCase()}`, text: more, href: `/destinations/${encodeURIComponent(status.destination)}`, link: "Look" });
  }
  return found;
}

function sourceProblems({ workspace, health }: Known): Problem[] {
  const refused = (health?.sources ?? []).filter((source) => source.quarantined > 0);
  return refused.map(({ source, quarantined, events }) => ({
    tone: quarantined > events ? "bad" : "odd",
    title: `${workspace?.sources.find((one) => one.key === source)?.name ?? source}: ${whole(quarantined)} ${quarantined === 1 ? "call" : "calls"} quarantined lately`,
    text: "They are kept with the reason, and can be mended and let out.",
    href: `/quarantine?source=${encodeURIComponent(source)}`, link: "Look",
  }));
}

function diskProblems({ health }: Known): Problem[] {
  const disk = health?.disk;
  if (!disk) return [];
  if (disk.free_bytes < disk.floor_bytes) return [{ tone: "bad", title: "The disk is full", text: "No events are taken (clients are told to come back) until there is more room than `log.floor` asks for." }];
  if (disk.days_left === null || disk.days_left >= FEW_DAYS) return [];
  return [{ tone: disk.days_left < VERY_FEW_DAYS ? "bad" : "odd", title: `The disk is full in about ${Math.round(disk.days_left) <= 1 ? "a day" : `${Math.round(disk.days_left)} days`}`, text: "Make room, or keep less: `log.keep` and `log.keep_size` in trackway.yaml." }];
}

/** What is told above from what is known here. */
const TOLD_ABOVE = new Set(["destination_down", "ledger", "disk", "quarantined"]);

function alertProblems({ alerts }: Known): Problem[] {
  const when = new Map(alerts?.rules.map((rule) => [rule.name, rule.when]));
  const firing = (alerts?.standings ?? []).filter((one) => one.fired_ms !== null && one.resolved_ms === null && !TOLD_ABOVE.has(when.get(one.rule) ?? ""));
  return firing.map(({ title, text }) => ({ tone: "bad", title, text }));
}
