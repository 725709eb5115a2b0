import { useEffect, useRef, useState } from "preact/hooks";
import type { Workspace } from "../api/workspace";
import { CloseIcon, FilterIcon, SearchIcon } from "../ui/icons";
import { FqlInput } from "../ui/FqlInput";
import { OUTCOMES, TYPES, countOf, NO_FILTER, type Filter } from "./filter";

interface Props {
  filter: Filter;
  workspace: Workspace | null;
  onChange: (filter: Filter) => void;
}

const TYPING_MS = 250;

/** What to show: search, outcome, type, source, name and user. */
export function Toolbar({ filter, workspace, onChange }: Props) {
  const [more, setMore] = useState(false);
  const set = (change: Partial<Filter>) => onChange({ ...filter, ...change });
  const hidden = countOf({ ...filter, q: "", outcome: "" });
  return (
    <div class="toolbar" role="search" aria-label="Filter events" data-more={more}>
      <label class="field search">
        <SearchIcon />
        <span class="sr-only">Search in events</span>
        <TextInput id="search" value={filter.q} placeholder="Search in events" onChange={(q) => set({ q })} />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <div class="segments" role="radiogroup" aria-label="Outcome">
        {OUTCOMES.map(({ value, label }) => (
          <button key={value} type="button" role="radio" aria-checked={filter.outcome === value}
            onClick={() => set({ outcome: value })}>{label}</button>
        ))}
      </div>
      <button type="button" class="button more-filters" aria-expanded={more} onClick={() => setMore(!more)}>
        <FilterIcon />Filters{hidden > 0 && <span class="count">{hidden}</span>}
      </button>
      <div class="more">
        <Choice label="Type" value={filter.type} any="Any type" onChange={(type) => set({ type })}
          options={TYPES.map((type) => ({ value: type, label: type }))} />
        <Choice label="Source" value={filter.source} any="Any source" onChange={(source) => set({ source })}
          options={(workspace?.sources ?? []).map((source) => ({ value: source.key, label: source.name }))} />
        <label class="field">
          <span class="sr-only">Event name</span>
          <TextInput value={filter.name} placeholder="Event name" onChange={(name) => set({ name })} />
        </label>
        <label class="field">
          <span class="sr-only">User or anonymous id</span>
          <TextInput value={filter.user} placeholder="User id" onChange={(user) => set({ user })} />
        </label>
      </div>
      <FqlInput label="Filter in FQL" value={filter.where} onChange={(where) => set({ where })} />
      {countOf(filter) > 0 && (
        <button type="button" class="button quiet clear" onClick={() => onChange(NO_FILTER)}><CloseIcon />Clear</button>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  any: string;
  options: { value: string; label: string }[];
  onChange: (value: string) => void;
}

function Choice({ label, value, any, options, onChange }: ChoiceProps) {
  const known = !value || options.some((option) => option.value === value);
  return (
    <select class="field choice" aria-label={label} value={value} data-set={value !== ""}
      onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{any}</option>
      {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
      {!known && <option value={value}>{value}</option>}
    </select>
  );
}

/** A text field that tells its value when the typing rests, or at Enter. */
function TextInput({ value, placeholder, onChange, id }: { value: string; placeholder: string; onChange: (value: string) => void; id?: string }) {
  const [text, setText] = useState(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => latest.current(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input type="text" id={id} value={text} placeholder={placeholder} spellcheck={false} autocomplete="off" data-set={value !== ""}
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") latest.current(text);
        if (event.key === "Escape") event.currentTarget.blur();
      }} />
  );
}
