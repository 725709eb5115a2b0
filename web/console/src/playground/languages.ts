/** Values as literals of each language, indented below `pad`. */

type Render = (value: unknown, pad: string) => string;
const STEP = "  ";

export function jsText(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`);
}

interface Style {
  text: (text: string) => string;
  number?: (value: number) => string;
  words: { true: string; false: string; null: string };
  object: { open: string; close: string; empty: string; member: (key: string, value: string) => string };
  array: { open: string; close: string };
  /** Whether the last of several lines ends with a comma, too. */
  trailing?: boolean;
  /** Whether maps and lists of the language hold no null: such members are left out. */
  withoutNull?: boolean;
  /** What a map or list inside another says of its type. */
  inner?: { object: string; array: string };
}

function renderer(style: Style): Render {
  const render: Render = (value, pad) => {
    if (typeof value === "string") return style.text(value);
    if (typeof value === "number") return style.number ? style.number(value) : String(value);
    if (typeof value === "boolean") return value ? style.words.true : style.words.false;
    if (value === null || value === undefined || typeof value !== "object") return style.words.null;
    const inner = pad + STEP;
    const within = (member: unknown) => render(member, inner) + typeOf(member);
    const kept = (member: unknown) => !style.withoutNull || (member !== null && member !== undefined);
    if (Array.isArray(value)) return block(style.array, value.filter(kept).map(within), pad, 60);
    const members = Object.entries(value).filter(([, member]) => kept(member));
    if (!members.length) return style.object.empty;
    return block(style.object, members.map(([key, member]) => style.object.member(key, within(member))), pad, 64);
  };
  const typeOf = (value: unknown) => (!style.inner || typeof value !== "object" || value === null ? "" : ` as ${Array.isArray(value) ? style.inner.array : style.inner.object}`);
  const block = ({ open, close }: { open: string; close: string }, parts: string[], pad: string, most: number) => {
    if (!parts.length) return open + close;
    const spaced = close === "}" && open !== "[]any{" ? " " : "";
    const line = `${open}${spaced}${parts.join(", ")}${spaced}${close}`;
    if (line.length < most && !line.includes("\n")) return line;
    return `${open}\n${parts.map((part) => pad + STEP + part).join(",\n")}${style.trailing ? "," : ""}\n${pad}${close}`;
  };
  return render;
}

const LOWER = { true: "true", false: "false", null: "null" };
const double = (text: string) => jsText(text);
/** Languages that read `$` in a double-quoted text as the beginning of a value. */
const noDollar = (text: string) => jsText(text).replaceAll("$", "\\$");
const phpText = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const rubyText = (text: string) => jsText(text).replaceAll("#", "\\#");
const swiftText = (text: string) => jsText(text).replace(/\\u([\da-f]{4})/gi, "\\u{$1}").replaceAll("\\b", "\\u{8}").replaceAll("\\f", "\\u{c}");
const pyKey = (key: string, value: string) => `${double(key)}: ${value}`;
const plain = /^[A-Za-z_$][\w$]*$/;

export const js = renderer({ text: double, words: LOWER, object: { open: "{", close: "}", empty: "{}", member: (key, value) => `${plain.test(key) ? key : double(key)}: ${value}` }, array: { open: "[", close: "]" } });
export const json = renderer({ text: double, words: LOWER, object: { open: "{", close: "}", empty: "{}", member: pyKey }, array: { open: "[", close: "]" } });
export const python = renderer({ text: double, words: { true: "True", false: "False", null: "None" }, object: { open: "{", close: "}", empty: "{}", member: pyKey }, array: { open: "[", close: "]" } });
export const ruby = renderer({ text: rubyText, words: { ...LOWER, null: "nil" }, object: { open: "{", close: "}", empty: "{}", member: (key, value) => (/^[a-z_]\w*$/i.test(key) ? `${key}: ${value}` : `${rubyText(key)} => ${value}`) }, array: { open: "[", close: "]" } });
export const php = renderer({ text: phpText, words: LOWER, object: { open: "[", close: "]", empty: "new stdClass()", member: (key, value) => `${phpText(key)} => ${value}` }, array: { open: "[", close: "]" } });
export const go = renderer({ text: double, words: { ...LOWER, null: "nil" }, object: { open: "map[string]any{", close: "}", empty: "map[string]any{}", member: pyKey }, array: { open: "[]any{", close: "}" }, trailing: true });
export const java = renderer({ text: double, words: LOWER, object: { open: "Map.ofEntries(", close: ")", empty: "Map.of()", member: (key, value) => `Map.entry(${double(key)}, ${value})` }, array: { open: "List.of(", close: ")" }, withoutNull: true });
export const swift = renderer({ text: swiftText, words: { ...LOWER, null: "NSNull()" }, object: { open: "[", close: "]", empty: "[:]", member: (key, value) => `${swiftText(key)}: ${value}` }, array: { open: "[", close: "]" }, inner: { object: "[String: Any]", array: "[Any]" } });
export const csharp = renderer({ text: double, words: LOWER, object: { open: "new JsonObject {", close: "}", empty: "new JsonObject()", member: (key, value) => `[${double(key)}] = ${value}` }, array: { open: "new JsonArray {", close: "}" }, withoutNull: true });
export const kotlin: Render = (value, pad) => kotlinValue(value, pad);

/** Kotlin builds JSON by blocks. */
function kotlinValue(value: unknown, pad: string): string {
  const inner = `${pad}  `;
  if (Array.isArray(value)) return `buildJsonArray {\n${value.map((item) => `${inner}add(${kotlinValue(item, inner)})\n`).join("")}${pad}}`;
  if (value !== null && typeof value === "object") {
    const lines = Object.entries(value).map(([key, member]) => `${inner}put(${noDollar(key)}, ${kotlinValue(member, inner)})\n`);
    return `buildJsonObject {\n${lines.join("")}${pad}}`;
  }
  if (value === null) return "JsonNull";
  return typeof value === "string" ? noDollar(value) : String(value);
}
