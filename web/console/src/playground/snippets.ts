/**
 * The same call for every client: Segment's own libraries with this host and write key filled in.
 *
 * Sources: the libraries' documentation and code as of November 2026; the browser, Node and Python ones run in the tests of
 * this repository. Where a library sends over https alone, a note says so.
 */
import { quote } from "../curl";
import { isObject, MEMBER, type Call, type CallType } from "./call";
import * as lang from "./languages";

export interface Target {
  host: string;
  writeKey: string;
}

export interface Snippet {
  id: string;
  label: string;
  /** How the library is had. */
  install: string;
  code: string;
  note?: string;
}

interface Parts {
  type: CallType;
  call: Call;
  data: Record<string, unknown>;
  host: string;
  bare: string;
  secure: boolean;
  key: string;
}

export function snippets(type: CallType, call: Call, { host, writeKey }: Target): Snippet[] {
  const member = MEMBER[type];
  const data = member && isObject(call[member]) ? call[member] : {};
  const base = host.replace(/\/+$/, "");
  const parts: Parts = { type, call, data, host: base, bare: base.replace(/^https?:\/\//, ""), secure: base.startsWith("https:"), key: writeKey };
  return [
    { id: "web", label: "Browser", install: "npm install @segment/analytics-next", code: web(parts) },
    { id: "node", label: "Node", install: "npm install @segment/analytics-node", code: node(parts) },
    { id: "python", label: "Python", install: "pip install segment-analytics-python", code: python(parts) },
    { id: "curl", label: "curl", install: "", code: curl(parts) },
    { id: "go", label: "Go", install: "go get github.com/segmentio/analytics-go/v3", code: go(parts) },
    { id: "ruby", label: "Ruby", install: "gem install analytics-ruby", code: ruby(parts) },
    { id: "php", label: "PHP", install: "composer require segmentio/analytics-php", code: php(parts) },
    { id: "java", label: "Java", install: "com.segment.analytics.java:analytics", code: java(parts) },
    { id: "kotlin", label: "Kotlin", install: "com.segment.analytics.kotlin:android", code: kotlin(parts), ...overHttps(parts) },
    { id: "swift", label: "Swift", install: "https://github.com/segmentio/analytics-swift", code: swift(parts), ...overHttps(parts) },
    { id: "csharp", label: "C#", install: "dotnet add package Segment.Analytics.CSharp", code: csharp(parts), ...overHttps(parts) },
    { id: "rust", label: "Rust", install: "cargo add segment reqwest serde_json tokio --features tokio/full", code: rust(parts) },
  ];
}

function overHttps({ secure }: Parts): { note?: string } {
  return secure ? {} : { note: "This library sends over https only: put a proxy with a certificate in front of the collector." };
}

const TOP = ["anonymousId", "timestamp", "messageId", "integrations", "context"];

/** The members beside the ids, the name and the data. */
function extras(call: Call, names: readonly string[] = TOP): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => call[name] !== undefined).map((name) => [name, call[name]]));
}

function has(record: Record<string, unknown>): boolean {
  return Object.keys(record).length > 0;
}

/** Arguments as the browser's client takes them, also for the playground's own code. */
export function webCall(type: CallType, call: Call): string {
  const member = MEMBER[type];
  const data = member && isObject(call[member]) ? call[member] : {};
  const { context, ...top } = extras(call) as { context?: unknown } & Record<string, unknown>;
  // The ids of an identify, group or alias call are its own arguments; those of the others are kept by the client.
  if (!["identify", "alias"].includes(type) && call["userId"] !== undefined) top["userId"] = call["userId"];
  const options = { ...top, ...(context === undefined ? {} : { context }) };
  const args: (string | null)[] = [];
  const own = (name: string) => args.push(call[name] === undefined ? null : lang.js(call[name], ""));
  if (type === "track") own("event");
  if (type === "identify") own("userId");
  if (type === "group") own("groupId");
  if (type === "alias") { own("userId"); own("previousId"); }
  if (type === "page" && call["category"] !== undefined) own("category");
  if (type === "page" || type === "screen") own("name");
  if (member) args.push(has(data) || has(options) ? lang.js(data, "") : null);
  if (has(options)) args.push(lang.js(options, ""));
  while (args.length && args.at(-1) === null) args.pop();
  return `analytics.${type}(${args.map((arg) => arg ?? "undefined").join(", ")})`;
}

function web(parts: Parts): string {
  const { host, bare, secure, key, type, call } = parts;
  return `import { AnalyticsBrowser } from "@segment/analytics-next"

const analytics = AnalyticsBrowser.load(
  { writeKey: ${lang.js(key, "")}, cdnURL: ${lang.js(host, "")} },
  { integrations: { "Segment.io": { apiHost: ${lang.js(`${bare}/v1`, "")}, protocol: "${secure ? "https" : "http"}" } } },
)

${webCall(type, call)}
`;
}

function node({ host, key, type, call }: Parts): string {
  return `import { Analytics } from "@segment/analytics-node"

const analytics = new Analytics({ writeKey: ${lang.js(key, "")}, host: ${lang.js(host, "")} })

analytics.${type}(${lang.js(withoutType(call), "")})

await analytics.closeAndFlush()
`;
}

const SNAKE: Record<string, string> = { userId: "user_id", anonymousId: "anonymous_id", groupId: "group_id", previousId: "previous_id", messageId: "message_id" };

function withoutType(call: Call): Call {
  return Object.fromEntries(Object.entries(call).filter(([name, value]) => name !== "type" && value !== undefined));
}

function python({ host, key, type, call }: Parts): string {
  const args = Object.entries(withoutType(call)).map(([name, value]) =>
    name === "timestamp" && typeof value === "string" ? `    timestamp=datetime.fromisoformat(${lang.python(value, "")}),\n` : `    ${SNAKE[name] ?? name}=${lang.python(value, "    ")},\n`);
  const dates = typeof call["timestamp"] === "string" ? "from datetime import datetime\n\n" : "";
  return `${dates}import segment.analytics as analytics

analytics.write_key = ${lang.python(key, "")}
analytics.host = ${lang.python(host, "")}

analytics.${type}(
${args.join("")})
analytics.flush()
`;
}

function curl({ host, key, type, call }: Parts): string {
  const body = lang.json(withoutType(call), "  ");
  return `curl ${quote(`${host}/v1/${type}`)} \\
  -u ${quote(`${key}:`)} \\
  -H 'Content-Type: application/json' \\
  -d ${quote(body)}
`;
}

const GO_FIELDS: Record<string, string> = { userId: "UserId", anonymousId: "AnonymousId", event: "Event", name: "Name", groupId: "GroupId", previousId: "PreviousId", messageId: "MessageId" };

function go({ host, key, type, call, data }: Parts): string {
  const member = MEMBER[type];
  const fields = Object.entries(GO_FIELDS).filter(([name]) => call[name] !== undefined).map(([name, field]) => [field, lang.go(call[name], "\t\t")]);
  if (member && has(data)) fields.push([member === "traits" ? "Traits" : "Properties", goMap(member, data)]);
  if (isObject(call["integrations"]) && has(call["integrations"])) fields.push(["Integrations", `analytics.Integrations${lang.go(call["integrations"], "\t\t").slice("map[string]any".length)}`]);
  const width = Math.max(...fields.map(([name]) => name!.length)) + 1;
  const kind = type[0]!.toUpperCase() + type.slice(1);
  return `package main

import "github.com/segmentio/analytics-go/v3"

func main() {
	client, err := analytics.NewWithConfig(${lang.go(key, "")}, analytics.Config{Endpoint: ${lang.go(host, "")}})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	client.Enqueue(analytics.${kind}{
${fields.map(([name, value]) => `\t\t${`${name}:`.padEnd(width + 1)}${value},\n`).join("")}	})
}
`;
}

function goMap(member: "traits" | "properties", data: Record<string, unknown>): string {
  const maker = member === "traits" ? "NewTraits" : "NewProperties";
  return `analytics.${maker}()${Object.entries(data).map(([key, value]) => `.\n\t\t\tSet(${lang.go(key, "")}, ${lang.go(value, "\t\t\t")})`).join("")}`;
}

function ruby({ bare, secure, key, type, call }: Parts): string {
  const [host, port] = bare.split("/")[0]!.split(":");
  const renamed = Object.fromEntries(Object.entries(withoutType(call)).map(([name, value]) => [SNAKE[name] ?? name, value]));
  const args = Object.entries(renamed).map(([name, value]) => `  ${name}: ${name === "timestamp" && typeof value === "string" ? `Time.parse(${lang.ruby(value, "")})` : lang.ruby(value, "  ")}`);
  return `require "segment/analytics"
${typeof call["timestamp"] === "string" ? 'require "time"\n' : ""}
analytics = Segment::Analytics.new(
  write_key: ${lang.ruby(key, "")},
  host: ${lang.ruby(host, "")},
  port: ${port ?? (secure ? 443 : 80)},
  ssl: ${secure},
)

analytics.${type}(
${args.join(",\n")}
)
analytics.flush
`;
}

function php({ bare, secure, key, type, call }: Parts): string {
  return `<?php
require 'vendor/autoload.php';

use Segment\\Segment;

Segment::init(${lang.php(key, "")}, ['host' => ${lang.php(bare, "")}, 'ssl' => ${secure}]);

Segment::${type}(${lang.php(withoutType(call), "")});
Segment::flush();
`;
}

function java({ host, key, type, call, data }: Parts): string {
  const kind = type[0]!.toUpperCase() + type.slice(1);
  const first: Partial<Record<CallType, string>> = { track: "event", page: "name", screen: "name", group: "groupId", alias: "previousId" };
  const argument = first[type] ? lang.java(call[first[type]!] ?? "", "") : "";
  const member = MEMBER[type];
  const chain = [
    call["userId"] !== undefined ? `.userId(${lang.java(call["userId"], "")})` : "",
    call["anonymousId"] !== undefined ? `.anonymousId(${lang.java(call["anonymousId"], "")})` : "",
    member && has(data) ? `.${member}(${lang.java(data, "      ")})` : "",
    isObject(call["context"]) && has(call["context"]) ? `.context(${lang.java(call["context"], "      ")})` : "",
  ].filter(Boolean);
  return `import com.segment.analytics.Analytics;
import com.segment.analytics.messages.${kind}Message;
import java.util.List;
import java.util.Map;

public class Example {
  public static void main(String[] args) {
    Analytics analytics = Analytics.builder(${lang.java(key, "")})
        .setUploadURL(${lang.java(`${host}/v1/batch`, "")})
        .build();

    analytics.enqueue(${kind}Message.builder(${argument})
${chain.map((part) => `        ${part}`).join("\n")});
    analytics.flush();
    analytics.shutdown();
  }
}
`;
}

function kotlin({ bare, key, type, call, data }: Parts): string {
  return `import com.segment.analytics.kotlin.android.Analytics
import kotlinx.serialization.json.*

val analytics = Analytics(${lang.kotlin(key, "")}, applicationContext) {
  apiHost = ${lang.kotlin(`${bare}/v1`, "")}
  cdnHost = ${lang.kotlin(`${bare}/v1`, "")}
}

${mobileCall(type, call, data, lang.kotlin, { named: false })}
`;
}

function swift({ bare, key, type, call, data }: Parts): string {
  return `import Segment

let analytics = Analytics(configuration: Configuration(writeKey: ${lang.swift(key, "")})
  .apiHost(${lang.swift(`${bare}/v1`, "")})
  .cdnHost(${lang.swift(`${bare}/v1`, "")}))

${mobileCall(type, call, data, lang.swift, { named: true })}
`;
}

/** Mobile clients keep the ids themselves, so a call names what is its own. */
function mobileCall(type: CallType, call: Call, data: Record<string, unknown>, render: (value: unknown, pad: string) => string, { named }: { named: boolean }): string {
  const label = (name: string) => (named ? `${name}: ` : "");
  const own = (name: string, as: string) => `${label(as)}${render(String(call[name] ?? ""), "")}`;
  const more = (as: string) => (has(data) ? `, ${label(as)}${render(data, "")}` : "");
  const category = call["category"] === undefined ? "" : `, category: ${render(String(call["category"]), "")}`;
  switch (type) {
    case "track": return `analytics.track(${own("event", "name")}${more("properties")})`;
    case "identify": return `analytics.identify(${own("userId", "userId")}${more("traits")})`;
    case "group": return `analytics.group(${own("groupId", "groupId")}${more("traits")})`;
    case "alias": return `analytics.alias(${own("userId", "newId")})`;
    // Apps have screens, no pages.
    default: return `analytics.screen(${own("name", "title")}${named ? category : ""}${more("properties")}${named ? "" : category.replace(":", " =")})`;
  }
}

function csharp({ bare, key, type, call, data }: Parts): string {
  const upper = type[0]!.toUpperCase() + type.slice(1);
  const id = { track: "event", identify: "userId", group: "groupId", alias: "userId", page: "name", screen: "name" }[type];
  const more = MEMBER[type] && has(data) ? `, ${lang.csharp(data, "")}` : "";
  return `using Segment.Analytics;
using Segment.Serialization;

var analytics = new Analytics(new Configuration(
    ${lang.csharp(key, "")},
    apiHost: ${lang.csharp(`${bare}/v1`, "")},
    cdnHost: ${lang.csharp(`${bare}/v1`, "")}));

analytics.${upper}(${lang.csharp(String(call[id] ?? ""), "")}${more});
analytics.Flush();
`;
}

function rust({ host, key, type, call, data }: Parts): string {
  const kind = type[0]!.toUpperCase() + type.slice(1);
  const { userId, anonymousId } = call;
  const user = userId !== undefined && anonymousId !== undefined
    ? `User::Both {\n                user_id: ${lang.js(userId, "")}.to_owned(),\n                anonymous_id: ${lang.js(anonymousId, "")}.to_owned(),\n            }`
    : userId !== undefined ? `User::UserId { user_id: ${lang.js(userId, "")}.to_owned() }` : `User::AnonymousId { anonymous_id: ${lang.js(anonymousId ?? "", "")}.to_owned() }`;
  const fields = [`user: ${user}`];
  if (type === "track") fields.push(`event: ${lang.js(call["event"] ?? "", "")}.to_owned()`);
  if (type === "page" || type === "screen") fields.push(`name: ${lang.js(call["name"] ?? "", "")}.to_owned()`);
  if (type === "group") fields.push(`group_id: ${lang.js(call["groupId"] ?? "", "")}.to_owned()`);
  if (type === "alias") fields.push(`previous_id: ${lang.js(call["previousId"] ?? "", "")}.to_owned()`);
  const member = MEMBER[type];
  if (member && has(data)) fields.push(`${member}: json!(${lang.json(data, "            ")})`);
  return `use segment::message::{${kind}, User};
use segment::{Client, HttpClient};
use serde_json::json;

#[tokio::main]
async fn main() {
    let client = HttpClient::new(reqwest::Client::new(), ${lang.js(host, "")}.to_owned());
    client
        .send(
            ${lang.js(key, "")}.to_owned(),
            ${kind} {
${fields.map((field) => `                ${field},\n`).join("")}                ..Default::default()
            }
            .into(),
        )
        .await
        .expect("the event was not taken");
}
`;
}
