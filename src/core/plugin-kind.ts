/** The kinds of plugins; a name is unique within its kind. */
export type PluginKind = 'source' | 'parser' | 'formatter' | 'filter' | 'step' | 'join' | 'output';
