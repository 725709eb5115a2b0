/**
 * Every page of the console, in the order of the navigation. A page is one line here and a module of its own, loaded when
 * it is opened first:
 *
 *     page("Quarantine", "/quarantine", <QuarantineIcon />, () => import("./quarantine/QuarantinePage"), "/quarantine/:id"),
 *
 * The module's default export gets `params`, what stands in the address at the `:names` of the pattern that matched. It
 * sets no title unless it wants one of its own (`useTitle`). Styles of one page are a file beside it that it imports.
 */
import type { ComponentType, JSX } from "preact";
import type { Workspace } from "./api/workspace";
import { AlertsIcon, CatalogueIcon, DestinationsIcon, LiveIcon, OverviewIcon, PeopleIcon, PlaygroundIcon, QuarantineIcon, ReplayIcon, SettingsIcon, SourcesIcon, SqlIcon, WarehouseIcon } from "./ui/icons";
import { match } from "./ui/match";

export interface PageProps {
  params: Record<string, string>;
}

export interface Route {
  label: string;
  /** The first is where the navigation leads. */
  patterns: string[];
  icon: JSX.Element;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
  /** True for a page that the navigation does not list. */
  hidden?: boolean;
  /** Whether the navigation shows it in this workspace. */
  shown?: ((workspace: Workspace) => boolean) | undefined;
}

export interface Group {
  title: string;
  pages: Route[];
}

export const GROUPS: Group[] = [
  { title: "Observe", pages: [
    page("Overview", "/", <OverviewIcon />, () => import("./overview/OverviewPage")),
    page("Live", "/live", <LiveIcon />, () => import("./live/LivePage"), "/events/:topic/:partition/:offset"),
    page("Alerts", "/alerts", <AlertsIcon />, () => import("./alerts/AlertsPage")),
    hidden("Event", "/events/:id", <LiveIcon />, () => import("./event/EventPage")),
  ] },
  { title: "Connections", pages: [
    page("Sources", "/sources", <SourcesIcon />, () => import("./sources/SourcesPage"), "/sources/:key"),
    page("Destinations", "/destinations", <DestinationsIcon />, () => import("./destinations/DestinationsPage"), "/destinations/:key"),
  ] },
  { title: "Data", pages: [
    page("Catalogue", "/catalogue", <CatalogueIcon />, () => import("./catalogue/CataloguePage"), "/catalogue/:source/:type", "/catalogue/:source/:type/:name"),
    page("People", "/people", <PeopleIcon />, () => import("./people/PeoplePage")),
    page("Warehouse", "/warehouse", <WarehouseIcon />, () => import("./warehouse/WarehousePage"), "/warehouse/:schema/:table"),
    page("SQL", "/sql", <SqlIcon />, () => import("./sql/SqlPage")),
  ] },
  { title: "Recovery", pages: [
    page("Quarantine", "/quarantine", <QuarantineIcon />, () => import("./quarantine/QuarantinePage"), "/quarantine/:partition/:offset"),
    page("Replay", "/replay", <ReplayIcon />, () => import("./replay/ReplayPage"), "/replay/:number"),
  ] },
  { title: "Tools", pages: [
    page("Playground", "/playground", <PlaygroundIcon />, () => import("./playground/PlaygroundPage")),
    page("Settings", "/settings", <SettingsIcon />, () => import("./settings/SettingsPage")),
  ] },
];

/** A page that other pages lead to. */
function hidden(label: string, path: string, icon: JSX.Element, load: Route["load"]): Route {
  return { ...page(label, path, icon, load), hidden: true };
}

function page(label: string, path: string, icon: JSX.Element, load: Route["load"], ...more: string[]): Route {
  return { label, patterns: [path, ...more], icon, load };
}

/** Return the page at a path, with what stands at the names of its pattern. */
export function routeAt(path: string): { route: Route; params: Record<string, string> } | null {
  for (const { pages } of GROUPS) {
    for (const route of pages) {
      for (const pattern of route.patterns) {
        const params = match(pattern, path);
        if (params) return { route, params };
      }
    }
  }
  return null;
}
