/** The page's own icons: 16 × 16, drawn with one stroke. */

const paths = {
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3 13.5 13.5',
  close: 'm4 4 8 8M12 4l-8 8',
  clock: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 5v3.2l2 1.3',
  refresh: 'M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.8h-2.8',
  down: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  up: 'm4.5 9.5 3.5-3.5 3.5 3.5',
  left: 'M9.5 4.5 6 8l3.5 3.5',
  right: 'M6.5 4.5 10 8l-3.5 3.5',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  download: 'M8 2.5v7M5 7l3 3 3-3M3 13h10',
  fields: 'M2.5 3h11v10h-11zM6.5 3v10',
  chart: 'M3 13V8.5M6.3 13V4M9.7 13V6.5M13 13V3',
  plus: 'M8 3.5v9M3.5 8h9',
  minus: 'M3.5 8h9',
  zoomIn: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3 13.5 13.5M7 5.2v3.6M5.2 7h3.6',
  zoomOut: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3 13.5 13.5M5.2 7h3.6',
  filterFor: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM8 5.5v5M5.5 8h5',
  filterOut: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM5.5 8h5',
  column: 'M3 3h4v10H3zM10 5.5v5M7.5 8h5',
  columnOut: 'M3 3h4v10H3zM9.5 8h4',
  exists: 'm3 8.5 3.2 3.2L13 4.5',
  copy: 'M5.5 5.5h7v7h-7zM10.5 5.5v-2h-7v7h2',
  link: 'M6.8 9.2a2.4 2.4 0 0 0 3.4 0l2.3-2.3a2.4 2.4 0 1 0-3.4-3.4l-.9.9M9.2 6.8a2.4 2.4 0 0 0-3.4 0L3.5 9.1a2.4 2.4 0 1 0 3.4 3.4l.9-.9',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'm5 3.2 7.5 4.8L5 12.8z',
  arrowUp: 'M8 13V3.5M4.5 7 8 3.5 11.5 7',
  arrowDown: 'M8 3v9.5M4.5 9 8 12.5 11.5 9',
  warning: 'M8 2.5 14 13H2zM8 6.5v3M8 11.2h.01',
  help: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM6.4 6.4a1.65 1.65 0 1 1 2.3 1.5c-.45.2-.7.5-.7 1M8 10.9h.01',
  signOut: 'M6.5 2.5h-4v11h4M7 8h6.5M11 5.5 13.5 8 11 10.5',
  book: 'M3 3h4a1.5 1.5 0 0 1 1 .6A1.5 1.5 0 0 1 9 3h4v9.5H9a1 1 0 0 0-1 .5 1 1 0 0 0-1-.5H3zM8 3.6V13',
  inbox: 'M2.5 9 4.5 3h7l2 6v4h-11zM2.5 9h3l1 1.8h3L10.5 9h3',
  power: 'M8 2.5v5M5 4.3a5 5 0 1 0 6 0',
  store:
    'M3 4.2c0-1 2.2-1.7 5-1.7s5 .7 5 1.7-2.2 1.7-5 1.7-5-.7-5-1.7ZM3 4.2v7.6c0 1 2.2 1.7 5 1.7s5-.7 5-1.7V4.2M3 8c0 1 2.2 1.7 5 1.7S13 9 13 8',
  index: 'M2.5 3h11v3h-11zM2.5 10h11v3h-11zM5 4.5h.01M5 11.5h.01M8 6v4',
  plug: 'M6 2.5v3M10 2.5v3M4 5.5h8v2a4 4 0 0 1-8 0zM8 11.5v2',
  string: 'M3.5 5V3.5h9V5M8 3.5v9M6 12.5h4',
  number: 'M5.8 2.8 4.6 13.2M11.4 2.8l-1.2 10.4M2.8 6h10.8M2.4 10h10.8',
  boolean: 'M5.5 4.5h5a3.5 3.5 0 0 1 0 7h-5a3.5 3.5 0 0 1 0-7ZM10.5 9.3a1.3 1.3 0 1 0 0-2.6 1.3 1.3 0 0 0 0 2.6Z',
  object: 'M6 2.8c-3 0-.8 5.2-3 5.2 2.2 0 0 5.2 3 5.2M10 2.8c3 0 .8 5.2 3 5.2-2.2 0 0 5.2-3 5.2',
  array: 'M6 3H3.5v10H6M10 3h2.5v10H10',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  const isDots = name === 'more';
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={paths[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth={isDots ? 2.2 : 1.4}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

/** The product's mark: what comes in becomes a line among lines. */
export function Mark({ size = 22 }: { readonly size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <rect width="24" height="24" rx="6.5" fill="var(--accent)" />
      <path
        d="M5.5 8h11.5M13.8 4.8 17 8l-3.2 3.2M5.5 13.3h13M5.5 17.8h8"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
