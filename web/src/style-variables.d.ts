import 'react';

/** The page's own variables in `style`, such as `--depth`. */
declare module 'react' {
  interface CSSProperties {
    [variable: `--${string}`]: string | number | undefined;
  }
}
