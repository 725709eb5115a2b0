/** Icons of 16 px, drawn with strokes in the colour of the text around them; they say nothing by themselves (aria-hidden). */
import type { ComponentChildren } from "preact";

function Icon({ children, size = 16 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const LiveIcon = () => <Icon><path d="M1.5 8h3l2-5 3 10 2-5h3" /></Icon>;
export const SqlIcon = () => <Icon><ellipse cx="8" cy="3.6" rx="5.5" ry="2.1" /><path d="M2.5 3.6v8.8c0 1.2 2.5 2.1 5.5 2.1s5.5-.9 5.5-2.1V3.6M2.5 8c0 1.2 2.5 2.1 5.5 2.1s5.5-.9 5.5-2.1" /></Icon>;
export const PauseIcon = () => <Icon><path d="M5.5 3.5v9M10.5 3.5v9" /></Icon>;
export const PlayIcon = () => <Icon><path d="M5 3.2v9.6l7.5-4.8z" /></Icon>;
export const SearchIcon = () => <Icon><circle cx="7" cy="7" r="4.5" /><path d="m10.5 10.5 3.5 3.5" /></Icon>;
export const CloseIcon = () => <Icon><path d="m4 4 8 8M12 4l-8 8" /></Icon>;
export const CopyIcon = () => <Icon><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" /></Icon>;
export const CheckIcon = () => <Icon><path d="m3 8.5 3.2 3.2L13 4.8" /></Icon>;
export const LinkIcon = () => <Icon><path d="M6.8 9.2a2.8 2.8 0 0 0 4 0l2.1-2.1a2.8 2.8 0 0 0-4-4l-.8.8M9.2 6.8a2.8 2.8 0 0 0-4 0L3.1 8.9a2.8 2.8 0 0 0 4 4l.8-.8" /></Icon>;
export const TerminalIcon = () => <Icon><rect x="1.5" y="2.5" width="13" height="11" rx="1.8" /><path d="m4.5 6 2.2 2-2.2 2M8.5 10.2h3" /></Icon>;
export const ChevronIcon = () => <Icon><path d="m6 4 4 4-4 4" /></Icon>;
export const UpIcon = () => <Icon><path d="M8 13V3.5M4 7.2l4-4 4 4" /></Icon>;
export const FilterIcon = () => <Icon><path d="M2 4h12M4.5 8h7M7 12h2" /></Icon>;
export const LeaveIcon = () => <Icon><path d="M6.5 2.5h-3a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h3M10.5 11l3-3-3-3M13.2 8H6.5" /></Icon>;
export const FlagIcon = () => <Icon size={13}><path d="M3.5 14V2.5M3.5 3h8.5l-2 3 2 3H3.5" /></Icon>;
export const OkIcon = () => <Icon size={14}><circle cx="8" cy="8" r="2.6" fill="currentColor" stroke="none" /></Icon>;
export const RefusedIcon = () => <Icon size={14}><circle cx="8" cy="8" r="5.8" /><path d="m5.8 5.8 4.4 4.4M10.2 5.8l-4.4 4.4" /></Icon>;
export const DuplicateIcon = () => <Icon size={14}><rect x="2.5" y="2.5" width="7.5" height="7.5" rx="1.5" /><path d="M12.8 6.2v5.3a1.3 1.3 0 0 1-1.3 1.3H6.2" /></Icon>;
export const WarningIcon = () => <Icon><path d="M8 2.2 14.5 13.5h-13zM8 6.5v3.3M8 11.6v.1" /></Icon>;

/* The pages of the navigation. */
export const OverviewIcon = () => <Icon><rect x="2" y="2" width="5" height="6.5" rx="1.2" /><rect x="9" y="2" width="5" height="4" rx="1.2" /><rect x="2" y="10.5" width="5" height="3.5" rx="1.2" /><rect x="9" y="8" width="5" height="6" rx="1.2" /></Icon>;
export const SourcesIcon = () => <Icon><path d="M9.5 2.5h3a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-3M2 8h7.5M6.8 5.2 9.6 8l-2.8 2.8" /></Icon>;
export const DestinationsIcon = () => <Icon><path d="M6.5 13.5h-3a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1h3M6.5 8H14M11.2 5.2 14 8l-2.8 2.8" /></Icon>;
export const CatalogueIcon = () => <Icon><path d="M8 4.2C6.8 3 4.6 2.7 2 2.8v9.6c2.6-.1 4.8.2 6 1.4 1.2-1.2 3.4-1.5 6-1.4V2.8c-2.6-.1-4.8.2-6 1.4zM8 4.2v9.6" /></Icon>;
export const WarehouseIcon = () => <Icon><rect x="2" y="2.5" width="12" height="11" rx="1.5" /><path d="M2 6.2h12M2 9.9h12M6.5 6.2v7.3" /></Icon>;
export const QuarantineIcon = () => <Icon><path d="M8 1.8 13.5 4v4c0 3.2-2.2 5.3-5.5 6.3C4.7 13.3 2.5 11.2 2.5 8V4zM8 5.2v3.2M8 10.6v.1" /></Icon>;
export const ReplayIcon = () => <Icon><path d="M2.5 8a5.5 5.5 0 1 0 1.8-4.1L2.5 5.5M2.5 2.2v3.3h3.3M8 5.2V8l2 1.4" /></Icon>;
export const AlertsIcon = () => <Icon><path d="M8 2a4 4 0 0 0-4 4c0 4-1.6 5-1.6 5h11.2S12 10 12 6a4 4 0 0 0-4-4zM6.6 13.4a1.5 1.5 0 0 0 2.8 0" /></Icon>;
export const PeopleIcon = () => <Icon><circle cx="6" cy="5.2" r="2.6" /><path d="M1.5 13.5c.3-2.7 2.1-4.2 4.5-4.2s4.2 1.5 4.5 4.2M10.6 2.9a2.6 2.6 0 0 1 0 4.6M12.2 9.8c1.3.7 2.1 2 2.3 3.7" /></Icon>;
export const PlaygroundIcon = () => <Icon><path d="M6.2 2v4.2L2.6 12a1.3 1.3 0 0 0 1.1 2h8.6a1.3 1.3 0 0 0 1.1-2L9.8 6.2V2M5 2h6M4.6 9.5h6.8" /></Icon>;
export const SettingsIcon = () => <Icon><path d="M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7" /><circle cx="10.5" cy="4.5" r="1.6" /><circle cx="5.5" cy="11.5" r="1.6" /></Icon>;

/* The frame. */
export const MenuIcon = () => <Icon><path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11" /></Icon>;
export const FoldIcon = () => <Icon><rect x="2" y="2.5" width="12" height="11" rx="1.8" /><path d="M6 2.5v11" /></Icon>;
export const SunIcon = () => <Icon><circle cx="8" cy="8" r="2.8" /><path d="M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" /></Icon>;
export const MoonIcon = () => <Icon><path d="M13.5 9.3A5.6 5.6 0 0 1 6.7 2.5a5.7 5.7 0 1 0 6.8 6.8z" /></Icon>;
export const SystemIcon = () => <Icon><circle cx="8" cy="8" r="5.7" /><path d="M8 2.3a5.7 5.7 0 0 1 0 11.4z" fill="currentColor" stroke="none" /></Icon>;
export const BackIcon = () => <Icon size={14}><path d="M10 3.5 5.5 8l4.5 4.5" /></Icon>;

/* Acts and signs. */
export const RefreshIcon = () => <Icon><path d="M13.5 8a5.5 5.5 0 1 1-1.8-4.1l1.8 1.6M13.5 2.2v3.3h-3.3" /></Icon>;
export const DownloadIcon = () => <Icon><path d="M8 2.2v7.6M4.8 6.8 8 10l3.2-3.2M2.5 13.5h11" /></Icon>;
export const PlusIcon = () => <Icon><path d="M8 3v10M3 8h10" /></Icon>;
export const InfoIcon = () => <Icon><circle cx="8" cy="8" r="6" /><path d="M8 7.4v3.4M8 5.1v.1" /></Icon>;
export const OkayIcon = () => <Icon><circle cx="8" cy="8" r="6" /><path d="m5.4 8.2 1.8 1.8 3.4-3.6" /></Icon>;
export const SortIcon = () => <Icon size={12}><path class="sort-up" d="m5 6.5 3-3 3 3" /><path class="sort-down" d="m5 9.5 3 3 3-3" /></Icon>;
export const KeyIcon = () => <Icon><circle cx="5.2" cy="10.8" r="2.7" /><path d="m7.2 8.8 6-6M11 5l1.8 1.8" /></Icon>;
export const SendIcon = () => <Icon><path d="M14 2 7 9M14 2 9.6 14 7 9 2 6.4z" /></Icon>;
export const TestIcon = () => <Icon><path d="M4.5 2.5h7M6 2.5v4.2L3.2 12a1.2 1.2 0 0 0 1 1.8h7.6a1.2 1.2 0 0 0 1-1.8L10 6.7V2.5" /></Icon>;
export const EndIcon = () => <Icon size={14}><path d="m6 3.5 4.5 4.5L6 12.5" /></Icon>;

export const Logo = () => (
  <svg class="logo" width="24" height="24" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect class="logo-ground" width="32" height="32" rx="8" />
    <g class="logo-steps">
      <rect x="7" y="20.5" width="6" height="4.6" rx="2.3" opacity="0.55" />
      <rect x="14.5" y="15.7" width="6" height="4.6" rx="2.3" opacity="0.75" />
      <rect x="9.5" y="10.9" width="6" height="4.6" rx="2.3" opacity="0.9" />
      <rect x="18" y="6.5" width="7" height="4.9" rx="2.45" />
    </g>
  </svg>
);
