/**
 * Reads one call written as code, `analytics.track("User Registered", { plan: "Pro Annual" })`, without running it.
 *
 * The grammar is what people paste from their own code: JavaScript's literals with keys in quotes or without, trailing
 * commas, comments, `new Date("…")`, `undefined`. Anything that would have to be computed is an error that says where.
 */
import { CALL_TYPES, isObject, MEMBER, typeOf, type Call, type CallType } from "./call";

export class CodeError extends Error {
  constructor(message: string, readonly from: number, readonly to = from + 1) {
    super(message);
  }
}

export interface Parsed {
  type: CallType;
  call: Call;
}

/** Return the call; throws `CodeError` with the place. */
export function parseCode(code: string): Parsed {
  const reader = new Reader(code);
  const { type, args, at } = reader.readCall();
  return { type, call: callOf(type, args, at) };
}

const ABSENT = Symbol("undefined");
const TOP = new Set(["integrations", "anonymousId", "userId", "timestamp", "messageId"]);

function callOf(type: CallType, args: unknown[], at: number): Call {
  // analytics-node takes one object with everything in it.
  if (args.length === 1 && isObject(args[0]) && isWhole(type, args[0])) return args[0];
  const given = args.map((arg) => (arg === ABSENT || arg === null ? undefined : arg));
  const call: Call = {};
  const put = (name: string, value: unknown) => { if (value !== undefined) call[name] = value; };
  if (type === "track") { put("event", given[0]); put("properties", given[1]); withOptions(call, given[2], at); }
  else if (type === "alias") { put("userId", given[0]); put("previousId", given[1]); withOptions(call, given[2], at); }
  else if (type === "identify" || type === "group") {
    const [id, data, options] = isObject(given[0]) ? [undefined, given[0], given[1]] : [given[0], given[1], given[2]];
    put(type === "identify" ? "userId" : "groupId", id); put("traits", data); withOptions(call, options, at);
  } else {
    const texts: unknown[] = [];
    while (given.length && (typeof given[0] === "string" || given[0] === undefined) && texts.length < 2) texts.push(given.shift());
    const [category, name] = texts.length === 2 ? texts : [undefined, texts[0]];
    put("category", category); put("name", name); put("properties", given[0]); withOptions(call, given[1], at);
  }
  return call;
}

function isWhole(type: CallType, object: Call): boolean {
  const member = MEMBER[type];
  return ["userId", "anonymousId", "event", "groupId", "previousId", ...(member ? [member] : [])].some((key) => key in object);
}

/** Options stand at the top of a call, or in its context. */
function withOptions(call: Call, options: unknown, at: number): void {
  if (options === undefined) return;
  if (!isObject(options)) throw new CodeError("the options are an object, such as { integrations: { All: false } }", at);
  const context: Record<string, unknown> = isObject(options["context"]) ? { ...options["context"] } : {};
  for (const [name, value] of Object.entries(options)) {
    if (name === "context") continue;
    if (TOP.has(name)) call[name] = value;
    else context[name] = value;
  }
  if (Object.keys(context).length) call["context"] = context;
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", 0: "\0" };
const MAX_DEPTH = 60;

class Reader {
  private at = 0;

  constructor(private readonly code: string) {}

  readCall(): { type: CallType; args: unknown[]; at: number } {
    this.skip();
    if (!this.rest()) throw new CodeError('write a call, such as analytics.track("User Registered")', 0);
    if (this.word("await")) this.skip();
    const start = this.at;
    const names = [this.name()];
    while (this.take(".")) names.push(this.name());
    const last = names.at(-1)!;
    const type = typeOf(last);
    if (!type) throw new CodeError(`${last} is none of ${CALL_TYPES.join(", ")}`, start, this.at);
    const at = this.at;
    this.expect("(", "a call has its arguments in ( )");
    const args: unknown[] = [];
    while (!this.take(")")) {
      args.push(this.value(0));
      if (!this.take(",") && !this.peek(")")) this.fail("a comma or ) is missing");
    }
    this.take(";");
    this.skip();
    if (this.rest()) this.fail("one call at a time: there is more behind it");
    return { type, args, at };
  }

  private value(depth: number): unknown {
    this.skip();
    if (depth > MAX_DEPTH) this.fail("this is nested too deep");
    const char = this.code[this.at];
    if (char === undefined) this.fail("the code ends too early");
    if (char === "{") return this.object(depth);
    if (char === "[") return this.array(depth);
    if (char === '"' || char === "'" || char === "`") return this.text(char);
    if (/[-+.\d]/.test(char!)) return this.number();
    return this.named();
  }

  private object(depth: number): Record<string, unknown> {
    this.expect("{", "");
    const members: [string, unknown][] = [];
    while (!this.take("}")) {
      if (this.peek(".")) this.fail("... cannot be known here; write the members themselves");
      this.skip();
      const char = this.code[this.at] ?? "";
      const from = this.at;
      const key = char === '"' || char === "'" ? this.text(char) : /\d/.test(char) ? String(this.number()) : this.name();
      if (!this.take(":")) throw new CodeError(`${key} is a variable, whose value cannot be known here; write ${key}: …`, from, this.at);
      const value = this.value(depth + 1);
      if (value !== ABSENT) members.push([key, value]);
      if (!this.take(",") && !this.peek("}")) this.fail("a comma or } is missing");
    }
    return Object.fromEntries(members);
  }

  private array(depth: number): unknown[] {
    this.expect("[", "");
    const items: unknown[] = [];
    while (!this.take("]")) {
      const value = this.value(depth + 1);
      items.push(value === ABSENT ? null : value);
      if (!this.take(",") && !this.peek("]")) this.fail("a comma or ] is missing");
    }
    return items;
  }

  private text(quote: string): string {
    const start = this.at++;
    let text = "";
    for (;;) {
      const char = this.code[this.at];
      if (char === undefined || (char === "\n" && quote !== "`")) throw new CodeError("this text has no end", start, this.at);
      this.at++;
      if (char === quote) return text;
      if (quote === "`" && char === "$" && this.code[this.at] === "{") throw new CodeError("${…} cannot be computed here; write the text itself", this.at - 1, this.at + 1);
      text += char === "\\" ? this.escape() : char;
    }
  }

  private escape(): string {
    const char = this.code[this.at++] ?? "";
    const hex = char === "x" ? /^[\da-f]{2}/i : char === "u" ? /^(?:[\da-f]{4}|\{[\da-f]{1,6}\})/i : null;
    if (!hex) return ESCAPES[char] ?? (char === "\n" ? "" : char);
    const found = hex.exec(this.code.slice(this.at))?.[0];
    if (!found) this.fail("this escape is not whole");
    this.at += found!.length;
    return String.fromCodePoint(Math.min(parseInt(found!.replace(/[{}]/g, ""), 16), 0x10ffff));
  }

  private number(): number {
    const found = /^[-+]?(?:0x[\da-f]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)/i.exec(this.code.slice(this.at))?.[0];
    const value = Number((found ?? "").replaceAll("_", ""));
    if (!found || Number.isNaN(value)) this.fail("this is no number");
    this.at += found!.length;
    return value;
  }

  private named(): unknown {
    const from = this.at;
    if (this.word("new")) return this.date();
    const name = this.name();
    const known: Record<string, unknown> = { true: true, false: false, null: null, undefined: ABSENT };
    if (Object.hasOwn(known, name)) return known[name];
    throw new CodeError(`${name} cannot be known here; write its value`, from, this.at);
  }

  private date(): string {
    const from = this.at;
    this.skip();
    const what = this.name();
    if (what !== "Date") throw new CodeError(`new ${what} cannot be computed here; write its value`, from, this.at);
    this.expect("(", "write new Date(\"2026-11-20\")");
    if (this.take(")")) return new Date().toISOString();
    const value = this.value(0);
    this.expect(")", "a ) is missing");
    const date = new Date(value as string | number);
    if (Number.isNaN(date.getTime())) throw new CodeError("this is no date", from, this.at);
    return date.toISOString();
  }

  private name(): string {
    this.skip();
    const found = /^[\p{ID_Start}$_][\p{ID_Continue}$]*/u.exec(this.code.slice(this.at))?.[0];
    if (!found) this.fail("a name or a value is missing");
    this.at += found!.length;
    return found!;
  }

  private word(word: string): boolean {
    if (!this.code.startsWith(word, this.at) || /[\w$]/.test(this.code[this.at + word.length] ?? "")) return false;
    this.at += word.length;
    return true;
  }

  private rest(): string {
    return this.code.slice(this.at);
  }

  private peek(char: string): boolean {
    this.skip();
    return this.code[this.at] === char;
  }

  private take(char: string): boolean {
    if (!this.peek(char)) return false;
    this.at++;
    return true;
  }

  private expect(char: string, advice: string): void {
    if (!this.take(char)) this.fail(advice || `${char} is missing`);
  }

  private fail(message: string): never {
    throw new CodeError(message, Math.min(this.at, Math.max(0, this.code.length - 1)));
  }

  private skip(): void {
    const found = /^(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/.exec(this.code.slice(this.at))?.[0];
    if (found) this.at += found.length;
  }
}
