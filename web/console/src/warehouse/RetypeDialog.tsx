/** Giving a column another type: which ones there are, and what becomes of values that do not fit. */
import { useState } from "preact/hooks";
import { Dialog } from "../ui/Dialog";

export interface Column {
  name: string;
  type: string;
}

const TYPES: [string, string][] = [
  ["integer", "Whole numbers of 64 bits; 5.0 and \"5\" fit, 5.5 does not"],
  ["decimal", "Whole numbers beyond 64 bits"],
  ["float", "Numbers with a fraction"],
  ["boolean", "true and false"],
  ["timestamp", "A date with a time, in UTC"],
  ["date", "A date without a time"],
  ["text", "Everything fits"],
  ["auto", "The least type that holds all its values, as before somebody gave it one"],
];

interface Props {
  table: string;
  column: Column;
  onClose: () => void;
  onRetype: (type: string) => void;
}

export function RetypeDialog({ table, column, onClose, onRetype }: Props) {
  const [type, setType] = useState("");
  return (
    <Dialog title={<>Change the type of <code>{column.name}</code></>} onClose={onClose}
      actions={
        <>
          <button type="button" class="button" onClick={onClose}>Cancel</button>
          <button type="button" class="button primary" disabled={!type} onClick={() => onRetype(type)}>Change and rebuild</button>
        </>
      }>
      <p>It is <b>{column.type.toLowerCase()}</b> now. The type you choose stays, whatever comes, and goes over the tracking plan’s.</p>
      <fieldset class="warehouse-types">
        <legend class="sr-only">The new type</legend>
        {TYPES.map(([name, about]) => (
          <label key={name}><input type="radio" name="type" value={name} checked={type === name} onChange={() => setType(name)} /><b>{name}</b><span class="quiet-text">{about}</span></label>
        ))}
      </fieldset>
      <p>The table <code>{table}</code> is made anew from the log. Loading and questions go on meanwhile, and a cancel leaves all as it is. Values that do not fit are kept in the rows’ <code>_rest</code>; their column is empty there.</p>
    </Dialog>
  );
}
