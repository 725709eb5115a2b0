/**
 * One row of the list, written by hand: at a thousand events a second all rows change twenty times a second, and a row
 * whose texts alone are exchanged costs a third less script than one that is rendered anew.
 */
import { render, type ComponentChild } from "preact";
import { pathOf, type Entry } from "../api/records";
import { clock, moment } from "../ui/format";
import { DuplicateIcon, FlagIcon, OkIcon, RefusedIcon } from "../ui/icons";
import { outcomeWord, typeClass, unnamed } from "./labels";

/** The parts of a row that change. */
export interface Line {
  fill(entry: Entry, source: string): void;
}

/** Put the cells into an empty row. */
export function createLine(row: HTMLElement): Line {
  const time = cell(row, "cell-time", "time") as HTMLTimeElement;
  const outcome = cell(row, "cell-outcome").appendChild(span("outcome"));
  const type = cell(row, "cell-type").appendChild(span("chip"));
  const name = cell(row, "cell-name");
  const link = name.appendChild(document.createElement("a"));
  link.tabIndex = -1;
  link.draggable = false;
  link.className = "row-link";
  const label = link.appendChild(span("name"));
  const extras = name.appendChild(span("extras"));
  const who = cell(row, "cell-user").appendChild(span("who"));
  const source = cell(row, "cell-source");
  const id = cell(row, "cell-id");
  let shown: Entry | null = null;
  let place = "";
  // Nobody reads a hint, or follows a link, before the mouse is there.
  row.addEventListener("pointerover", () => {
    if (shown) time.title = `Received ${moment(shown.receivedAt)}`;
    who.title = who.classList.contains("anonymous") ? "anonymousId: nobody has logged in" : "";
  });
  return {
    fill(entry, sourceName) {
      if (entry !== shown) {
        write(time, clock(entry.receivedAt));
        time.dateTime = entry.receivedAt;
        time.removeAttribute("title");
        fillOutcome(outcome, entry);
        write(type, entry.type || "unknown");
        setClass(type, `chip ${typeClass(entry.type)}`);
        write(label, entry.name || unnamed(entry.outcome, entry.type));
        setClass(label, entry.name ? "name" : "name unnamed");
        if (place !== (place = pathOf(entry.position))) link.href = `/events/${place}`;
        fillExtras(extras, entry, shown);
        write(who, entry.userId || entry.anonymousId || "–");
        setClass(who, entry.userId ? "who" : entry.anonymousId ? "who anonymous" : "who none");
        write(id, entry.messageId);
        shown = entry;
      }
      write(source, sourceName);
    },
  };
}

function cell(row: HTMLElement, name: string, tag = "span"): HTMLElement {
  const made = row.appendChild(document.createElement(tag));
  made.className = name;
  made.setAttribute("role", "gridcell");
  return made;
}

function span(name: string): HTMLElement {
  const made = document.createElement("span");
  made.className = name;
  return made;
}

/** Exchange an element's text, which stays the same node. */
function write(element: HTMLElement, text: string): void {
  const node = element.firstChild as Text | null;
  if (!node) element.textContent = text;
  else if (node.data !== text) node.data = text;
}

function setClass(element: HTMLElement, name: string): void {
  if (element.className !== name) element.className = name;
}

function fillOutcome(element: HTMLElement, entry: Entry): void {
  const word = outcomeWord(entry);
  if (element.title === word) return;
  element.title = word;
  element.className = `outcome outcome-${entry.outcome}`;
  const icon = { ok: <OkIcon />, quarantined: <RefusedIcon />, dropped: <DuplicateIcon /> }[entry.outcome];
  render(<>{icon}<span class="sr-only">{word}</span></>, element);
}

function fillExtras(element: HTMLElement, entry: Entry, before: Entry | null): void {
  if (!entry.reason && !entry.findings && before && !before.reason && !before.findings) return;
  const parts: ComponentChild[] = [];
  if (entry.findings) {
    const words = entry.findings.map((finding) => finding.code).join(", ");
    parts.push(<span class="finding-flag" title={words}><FlagIcon /><span class="sr-only">Findings: {words}</span></span>);
  }
  if (entry.reason) parts.push(<span class="reason" title={entry.message}>{entry.reason}</span>);
  render(<>{parts}</>, element);
}
