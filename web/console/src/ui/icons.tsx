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
