import { useState } from "preact/hooks";
import { Prose } from "../ui/Prose";
import { below, isWithin } from "./pointer";

const OPEN_DEPTH = 2;
/** Small members are open further down. */
const FEW = 4;
const FEW_DEPTH = 5;
const MANY = 100;
const LONG = 600;

export interface Mark {
  pointer: string;
  kind: "bad" | "odd";
  text: string;
}

interface NodeProps {
  value: unknown;
  name?: string | number;
  pointer: string;
  depth: number;
  marks: readonly Mark[];
  last: boolean;
}

/** JSON as a tree that opens and closes; `marks` point at the parts that something is wrong with. */
export function JsonTree({ value, marks = [] }: { value: unknown; marks?: readonly Mark[] }) {
  return (
    <div class="json" role="tree" aria-label="Event as JSON">
      <Node value={value} pointer="" depth={0} marks={marks.filter((mark) => mark.pointer)} last />
    </div>
  );
}

function Node(props: NodeProps) {
  const { value } = props;
  if (value !== null && typeof value === "object") return <Branch {...props} value={value} />;
  return (
    <Line {...props}>
      <Scalar value={value} />
      {!props.last && <span class="json-mark">,</span>}
    </Line>
  );
}

function Branch(props: NodeProps & { value: object }) {
  const { value, pointer, depth, marks, last } = props;
  const isArray = Array.isArray(value);
  const members: [string | number, unknown][] = isArray ? value.map((each, i) => [i, each]) : Object.entries(value);
  const marked = marks.some((mark) => mark.pointer !== pointer && isWithin(mark.pointer, pointer));
  const [open, setOpen] = useState(marked || opensAtFirst(depth, members.length));
  const [shown, setShown] = useState(MANY);
  const [left, right] = isArray ? ["[", "]"] : ["{", "}"];
  const comma = last ? "" : ",";
  if (!members.length) return <Line {...props}><span class="json-mark">{left + right + comma}</span></Line>;
  const hint = isArray ? count(members.length, "item") : count(members.length, "member");
  return (
    <>
      <Line {...props} open={open} toggle={() => setOpen(!open)}>
        <span class="json-mark">{left}</span>
        {!open && <><span class="json-hint">{hint}</span><span class="json-mark">{right + comma}</span></>}
      </Line>
      {open && (
        <div class="json-members" role="group">
          {members.slice(0, shown).map(([key, each], i) => (
            <Node key={key} value={each} pointer={below(pointer, key)} depth={depth + 1} marks={marks}
              last={i === members.length - 1} {...(isArray ? {} : { name: key })} />
          ))}
          {shown < members.length && (
            <button type="button" class="json-more" onClick={() => setShown(shown + 10 * MANY)}>
              {count(members.length - shown, "more")}
            </button>
          )}
        </div>
      )}
      {open && <div class="json-line"><span class="json-mark">{right + comma}</span></div>}
    </>
  );
}

interface LineProps extends NodeProps {
  open?: boolean;
  toggle?: () => void;
  children?: preact.ComponentChildren;
}

function Line({ name, pointer, marks, depth, open, toggle, children }: LineProps) {
  const mark = marks.find((each) => each.pointer === pointer);
  const classes = ["json-line", mark && `json-${mark.kind}`].filter(Boolean).join(" ");
  return (
    <div class={classes} role="treeitem" aria-level={depth + 1} aria-expanded={open} >
      {toggle && (
        <button type="button" class="json-toggle" data-open={open} onClick={toggle}
          aria-label={`${open ? "Close" : "Open"} ${name ?? (depth ? "item" : "event")}`} />
      )}
      {name !== undefined && <><span class="json-key">{name}</span><span class="json-mark">: </span></>}
      {children}
      {mark && <span class="json-note"><Prose text={mark.text} /></span>}
    </div>
  );
}

function Scalar({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== "string") return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
  const long = value.length > LONG && !whole;
  return (
    <>
      <span class="json-string">{JSON.stringify(long ? value.slice(0, LONG) : value)}</span>
      {long && <button type="button" class="json-more" onClick={() => setWhole(true)}>{count(value.length - LONG, "more character")}</button>}
    </>
  );
}

function opensAtFirst(depth: number, members: number): boolean {
  return depth < OPEN_DEPTH ? members <= MANY : depth < FEW_DEPTH && members <= FEW;
}

function count(number: number, what: string): string {
  return what === "more" ? `${number} more` : `${number} ${what}${number === 1 ? "" : "s"}`;
}
