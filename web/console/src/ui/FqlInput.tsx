/**
 * A field for a filter in FQL (`event = "Order Completed" and properties.total > 100`). The server reads it while one
 * types; what it does not understand is marked at the character, and is not handed on.
 *
 *     <FqlInput value={where} onChange={setWhere} label="Filter events" />
 *
 * `onChange` gets only filters that are understood, and "" when the field is emptied.
 */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { get, isAbort } from "../api/client";
import { CloseIcon, FilterIcon } from "./icons";

interface Checked {
  ok: boolean;
  position?: number;
  problem?: string;
}

interface Props {
  value: string;
  onChange: (where: string) => void;
  label: string;
  placeholder?: string;
}

const TYPING_MS = 300;

export function FqlInput({ value, onChange, label, placeholder = 'event = "Order Completed" and properties.total > 100' }: Props) {
  const [text, setText] = useState(value);
  const [wrong, setWrong] = useState<{ text: string; position: number; problem: string } | null>(null);
  const latest = useRef(onChange);
  latest.current = onChange;
  const told = useRef(value);
  const id = useId();
  const tell = (where: string) => { told.current = where; latest.current(where); };

  useEffect(() => { if (value !== told.current) { told.current = value; setText(value); } }, [value]);
  useEffect(() => {
    setWrong(null);
    const asked = text.trim();
    if (!asked) { if (told.current) tell(""); return; }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      get<Checked>("/api/filter", { signal: abort.signal, query: { where: text } }).then(
        (checked) => {
          if (checked.ok) { if (text !== told.current) tell(text); }
          else if (told.current) tell("");
          if (!checked.ok) setWrong({ text, position: checked.position ?? 0, problem: checked.problem ?? "" });
        },
        (error: unknown) => { if (!isAbort(error)) setWrong({ text, position: 0, problem: String((error as Error).message) }); },
      );
    }, TYPING_MS);
    return () => { clearTimeout(timer); abort.abort(); };
  }, [text]);

  return (
    <div class="fql" data-wrong={wrong !== null}>
      <label class="field search">
        <FilterIcon />
        <span class="sr-only">{label}</span>
        <input type="text" class="mono" value={text} placeholder={placeholder} spellcheck={false} autocomplete="off" autocapitalize="off"
          aria-invalid={wrong !== null} aria-describedby={wrong ? id : undefined} data-set={value !== ""}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }} />
        {text && <button type="button" class="button quiet square fql-clear" aria-label="Clear the filter" onClick={() => setText("")}><CloseIcon /></button>}
      </label>
      {wrong && <FqlProblem id={id} {...wrong} />}
    </div>
  );
}

/** A filter that was not understood, with a mark at the character. */
export function FqlProblem({ id, text, position, problem }: { id?: string; text: string; position: number; problem: string }) {
  const characters = [...text];
  return (
    <div class="fql-problem" id={id} role="status">
      <code>{characters.slice(0, position).join("")}<mark>{characters[position] ?? " "}</mark>{characters.slice(position + 1).join("")}</code>
      <span>{problem}</span>
    </div>
  );
}
