/** The plugins that come with the program, all of them loaded: for documents and tests. The program loads what it uses. */
import type { Plugin } from './core/plugin.ts';
import { pluginTable } from './plugin-table.ts';

export const builtinPlugins: readonly Plugin[] = pluginTable.map((entry) => entry.load());
