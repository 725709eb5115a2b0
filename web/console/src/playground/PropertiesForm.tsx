/** Properties as rows of a form: name, kind and value. */

import { useId } from "preact/hooks";
import { CloseIcon, PlusIcon } from "../ui/icons";

type Kind = "text" | "number" | "truth" | "null" | "json";
const KINDS: readonly [Kind, string][] = [["text", "text"], ["number", "number"], ["truth", "true / false"], ["json", "JSON"], ["null", "null"]];

interface Props {
  title: string;
  value: Record<string, unknown>;
  onChange: (value: Record<string, unknown>) => void;
  /** Names that a known or planned event has, for completion. */
  names: readonly { name: string; about: string }[];
}

export function PropertiesForm({ title, value, onChange, names }: Props) {
  const list = useId();
  const entries = Object.entries(value);
  const change = (index: number, name: string, member: unknown) => onChange(Object.fromEntries(entries.map((entry, i) => (i === index ? [name, member] : entry))));
  const remove = (index: number) => onChange(Object.fromEntries(entries.filter((_, i) => i !== index)));
  const add = () => { let name = "property"; for (let i = 2; name in value; i++) name = `property${i}`; onChange({ ...value, [name]: "" }); };
  return (
    <fieldset class="play-properties">
      <legend>{title}</legend>
      <datalist id={list}>{names.map((each) => <option key={each.name} value={each.name}>{each.about}</option>)}</datalist>
      {entries.map(([name, member], i) => (
        <div key={i} class="play-property" role="group" aria-label={name || "New property"}>
          <input class="input mono" aria-label="Name" list={list} value={name} spellcheck={false} autocomplete="off"
            onChange={(event) => { const to = event.currentTarget.value; if (to !== name && !(to in value)) change(i, to, member); else event.currentTarget.value = name; }} />
          <select class="choice" aria-label={`Kind of ${name}`} value={kindOf(member)} onChange={(event) => change(i, name, converted(member, event.currentTarget.value as Kind))}>
            {KINDS.map(([kind, label]) => <option key={kind} value={kind}>{label}</option>)}
          </select>
          <ValueField name={name} value={member} onChange={(next) => change(i, name, next)} />
          <button type="button" class="button quiet square" aria-label={`Remove ${name}`} onClick={() => remove(i)}><CloseIcon /></button>
        </div>
      ))}
      <button type="button" class="button play-add" onClick={add}><PlusIcon />Add</button>
    </fieldset>
  );
}

function ValueField({ name, value, onChange }: { name: string; value: unknown; onChange: (value: unknown) => void }) {
  const label = `Value of ${name}`;
  const kind = kindOf(value);
  if (kind === "null") return <input class="input mono" aria-label={label} value="null" disabled />;
  if (kind === "truth") {
    return <select class="choice" aria-label={label} value={String(value)} onChange={(event) => onChange(event.currentTarget.value === "true")}><option>true</option><option>false</option></select>;
  }
  if (kind === "number") {
    return <input class="input mono" type="number" step="any" aria-label={label} value={String(value)} onInput={(event) => { const number = event.currentTarget.valueAsNumber; if (!Number.isNaN(number)) onChange(number); }} />;
  }
  if (kind === "json") {
    return <input class="input mono" aria-label={label} defaultValue={JSON.stringify(value)} spellcheck={false}
      onChange={(event) => { try { onChange(JSON.parse(event.currentTarget.value)); event.currentTarget.setCustomValidity(""); } catch { event.currentTarget.setCustomValidity("This is no JSON"); event.currentTarget.reportValidity(); } }} />;
  }
  return <input class="input mono" aria-label={label} value={String(value)} spellcheck={false} onInput={(event) => onChange(event.currentTarget.value)} />;
}

function kindOf(value: unknown): Kind {
  if (value === null) return "null";
  return ({ string: "text", number: "number", boolean: "truth" } as Record<string, Kind>)[typeof value] ?? "json";
}

function converted(value: unknown, to: Kind): unknown {
  if (to === "null") return null;
  if (to === "truth") return value === true || value === "true" || (typeof value === "number" && value !== 0);
  if (to === "number") return Number.isFinite(Number(value)) && value !== "" && value !== null ? Number(value) : 0;
  if (to === "json") return value !== null && typeof value === "object" ? value : [value];
  return typeof value === "string" ? value : value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
