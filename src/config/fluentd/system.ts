/** `<system>`: what concerns the whole program. */
import { boolean, bytes, choice, duration, integer, list, text } from '../../core/options.ts';
import type { OptionTable, OptionValues } from '../../core/options.ts';
import { attribute } from './element.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';
import { bySpelling, readOptions, reportUnknown } from './options.ts';
import { onlySection } from './sections.ts';

const noEffect = (because: string) => ({ ignored: `accepted without effect: ${because}` });
const noRuby = noEffect('there is no Ruby here');
const ownModes = noEffect(
  'what is kept in P2L_DATA_DIR is for its owner alone, and output files go by the umask of the process',
);
const ownLog = { ignored: 'accepted without effect: the own log is one line per entry on standard error' };

const systemOptions = {
  logLevel: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])('Level of the own log'),
  workers: integer(1, 1024)('Receiving processes'),
  plugins: list('Packages with plugins to load'),
  rootDir: text('Where Fluentd keeps its files', {
    ignored: 'accepted without effect: P2L_DATA_DIR says where files are kept',
  }),
  restartWorkerInterval: duration(
    'Wait before a worker is started again',
    noEffect('a process that ended is started again with growing waits'),
  ),
  suppressRepeatedStacktrace: boolean('Log setting', ownLog),
  ignoreRepeatedLogInterval: duration('Log setting', ownLog),
  ignoreSameLogInterval: duration('Log setting', ownLog),
  emitErrorLogInterval: duration('Log setting', ownLog),
  suppressConfigDump: boolean('Log setting', ownLog),
  logEventVerbose: boolean('Log setting', ownLog),
  processName: text('Name of the process', noEffect('processes are named by what they do')),
  rpcEndpoint: text('Address of the RPC server', {
    ignored: 'accepted without effect: the admin port takes its place',
  }),
  enableGetDump: boolean('RPC setting', noEffect('the admin API shows the configuration that runs')),
  strictConfigValue: boolean('Whether values that only begin like what was expected are errors'),
  withoutSource: boolean('Whether sources are left out'),
  enableMsgpackTimeSupport: boolean('Time setting', noRuby),
  disableSharedSocket: boolean('Socket setting', noEffect('receiving processes share their ports by the kernel')),
  enableInputMetrics: boolean('Metrics setting', noEffect('sources are always counted')),
  enableSizeMetrics: boolean('Metrics setting', noEffect('bytes are always counted')),
  enableJit: boolean('Ruby setting', noRuby),
  filePermission: text('Mode of files', ownModes),
  dirPermission: text('Mode of directories', ownModes),
  umask: text('Umask', ownModes),
  configIncludeDir: text('Where more configuration is'),
} as const satisfies OptionTable;

const logOptions = {
  path: text('Log file', ownLog),
  format: choice(['text', 'json'])('Log format', ownLog),
  timeFormat: text('Time format of the log', ownLog),
  rotateAge: text('Log rotation', ownLog),
  rotateSize: bytes('Log rotation', ownLog),
  forcedStacktraceLevel: text('Log setting', ownLog),
} as const satisfies OptionTable;

/** Sections of `<system>` for what this program has not, or does otherwise. */
const effectless: Readonly<Record<string, string>> = {
  counter_server: 'there is no counter service, metrics are at the admin port',
  counter_client: 'there is no counter service, metrics are at the admin port',
  metrics: 'metrics are always kept, and shown in Prometheus form at the admin port',
  source_only_buffer: 'the journal takes records while outputs are not there',
};

/** What `<system>` says that has an effect. */
export type SystemValues = Partial<
  Pick<OptionValues<typeof systemOptions>, 'logLevel' | 'workers' | 'plugins' | 'withoutSource'>
>;

/** Reads the one `<system>` section of a configuration. */
export function lowerSystem(lowering: Lowering, root: Section): SystemValues {
  const section = onlySection(lowering, root, 'system');
  if (!section) return {};
  const strict = attribute(section, 'strict_config_value')?.value.text;
  if (strict !== undefined && /^(?:true|yes|)$/.test(strict)) lowering.isStrict = true;
  const values = read(lowering, '<system>', section, systemOptions);
  const more = attribute(section, 'config_include_dir');
  // Half a configuration would run.
  if (more && more.value.text !== '')
    lowering.error(more.at, `config_include_dir is not supported: write @include ${more.value.text}/*.conf instead`);
  for (const inner of section.sections) {
    if (inner.name === 'log') read(lowering, '<log>', inner, logOptions);
    else if (effectless[inner.name] !== undefined)
      lowering.note(inner.at, `<${inner.name}>: accepted without effect: ${effectless[inner.name]}`, 'ignored');
    else
      lowering.error(
        inner.at,
        `<system> takes no section <${inner.name}> (it takes ${['log', ...Object.keys(effectless)].map((name) => `<${name}>`).join(', ')})`,
      );
  }
  return values;
}

function read(lowering: Lowering, title: string, section: Section, table: OptionTable): Record<string, unknown> {
  const owner = { title, at: section.at };
  const attributes = section.attributes.map((written) =>
    written.key === '@log_level' ? { ...written, key: 'log_level' } : written,
  );
  const { values, others } = readOptions(lowering, owner, table, attributes);
  reportUnknown(lowering, owner, others, [...bySpelling(table).keys()]);
  return values;
}
