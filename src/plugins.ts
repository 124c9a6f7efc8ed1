/** The plugins that come with the program. Sorted; one line each. */
import type { Plugin } from './core/plugin.ts';

export const builtinPlugins: readonly Plugin[] = [];
