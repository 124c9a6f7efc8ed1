/**
 * What containers made for Fluentd are told in their environment, so that post2log can stand in their place with the manifest as it is.
 * Images pass FLUENTD_ARGS (Google's, td-agent's; some manifests write FLUENT_ARGS) or FLUENTD_OPT (fluent/fluentd's) to
 * Fluentd's command line, unquoted, so that a shell has split them at blanks; fluent/fluentd's reads
 * `/fluentd/etc/$FLUENTD_CONF`. The options are those of Fluentd 1.16 (lib/fluent/command/fluentd.rb).
 */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { parseArgs } from 'node:util';
import type { Environment } from '../config/env.ts';
import { ConfigError, nearest } from '../core/errors.ts';
import type { ConfigProblem } from '../core/errors.ts';

/** Variables whose words are arguments of Fluentd; a later one goes first. */
const argumentVariables = ['FLUENTD_ARGS', 'FLUENT_ARGS', 'FLUENTD_OPT'] as const;
/** Where fluent/fluentd's image has its configuration. */
const imageDirectory = '/fluentd/etc';
/** Where Fluentd and its packages look when no argument names a file. */
const defaultPaths = ['/fluentd/etc/fluent.conf', '/etc/fluent/fluent.conf', '/etc/td-agent/td-agent.conf'] as const;

interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple: true;
  /** Goes without saying; with a text it is said, or refused, with this reason. */
  readonly verdict: 'used' | 'same' | 'warned' | 'refused';
  readonly reason?: string;
}

function flag(verdict: Option['verdict'], short?: string, reason?: string): Option {
  return { type: 'boolean', multiple: true, verdict, ...(short && { short }), ...(reason && { reason }) };
}
function valued(verdict: Option['verdict'], short?: string, reason?: string): Option {
  return { ...flag(verdict, short, reason), type: 'string' };
}

const rubyReason = 'no Ruby is loaded here; plugins that the configuration names are built in, or an error';
const logReason = 'the own log goes to standard error, where kubectl logs finds it';
const containerReason = 'it is the container that says it: securityContext';

const options = {
  config: valued('used', 'c'),
  verbose: flag('used', 'v'),
  quiet: flag('used', 'q'),
  workers: valued('used'),
  'strict-config-value': flag('used'),
  'config-file-type': valued('used'),
  'conf-encoding': valued('used'),
  supervisor: flag('same'),
  'no-supervisor': flag('same'),
  'under-supervisor': flag('same'),
  'use-v1-config': flag('same'),
  'suppress-config-dump': flag('same'),
  'suppress-repeated-stacktrace': flag('same'),
  'disable-shared-socket': flag('same'),
  'enable-input-metrics': flag('same'),
  'enable-size-metrics': flag('same'),
  'log-event-verbose': flag('same'),
  'emit-error-log-interval': valued('same'),
  plugin: valued('warned', 'p', rubyReason),
  require: valued('warned', 'r', rubyReason),
  include: valued('warned', 'I', rubyReason),
  gemfile: valued('warned', 'g', rubyReason),
  'gem-path': valued('warned', 'G', rubyReason),
  log: valued('warned', 'o', logReason),
  'log-rotate-age': valued('warned', undefined, logReason),
  'log-rotate-size': valued('warned', undefined, logReason),
  user: valued('warned', undefined, containerReason),
  group: valued('warned', undefined, containerReason),
  umask: valued('warned', undefined, containerReason),
  'use-v0-config': flag(
    'refused',
    undefined,
    'write the configuration in the v1 format; type and id without @ are read',
  ),
  'inline-config': valued('refused', 'i', 'write it into the configuration file'),
  'without-source': flag('refused', undefined, 'run a configuration without <source>'),
  'dry-run': flag('refused', undefined, 'post2log check does it'),
  daemon: valued('refused', 'd', 'run it in the foreground'),
  setup: valued('refused', 's', 'write a configuration file'),
  'show-plugin-config': valued('refused', undefined, 'docs/reference/ describes the plugins'),
} as const satisfies Readonly<Record<string, Option>>;
type OptionName = keyof typeof options;

/** A start in Fluentd's place. */
export interface FluentdStart {
  readonly configPath: string;
  /** Variables that the arguments stand for. */
  readonly variables: Readonly<Record<string, string>>;
  /** What has no effect here. */
  readonly warnings: readonly ConfigProblem[];
}

/**
 * What the environment says about a start in Fluentd's place; undefined: nothing. `exists`: is there such a file?
 * @throws ConfigError with all that cannot be done.
 */
export function fluentdStart(
  env: Environment,
  exists: (path: string) => boolean = existsSync,
): FluentdStart | undefined {
  const named = env['FLUENTD_CONF']?.trim() ?? '';
  const set = argumentVariables.filter((name) => (env[name]?.trim() ?? '') !== '');
  if (set.length === 0 && named === '') return undefined;
  const problems: ConfigProblem[] = [];
  const given = set.map((name) => read(name, env[name] ?? '', problems));
  const last = (option: OptionName): string | undefined => given.flatMap((one) => one.get(option) ?? []).at(-1);
  const count = (option: OptionName): number => given.flatMap((one) => one.get(option) ?? []).length;
  const configPath = last('config') ?? (named === '' ? defaultPath(env, exists) : posix.join(imageDirectory, named));
  if (configPath === undefined)
    problems.push({
      at: undefined,
      text: `${set.join(', ')}: no -c FILE names a configuration, and there is none at ${defaultPaths.join(', ')}; name one, or unset the variable`,
    });
  // An option that is spelled wrong may have been the one that names the file.
  if (configPath === undefined || problems.some(({ severity }) => severity !== 'warning'))
    throw new ConfigError(problems);
  const workers = last('workers');
  const level = levelOf(count('verbose') - count('quiet'));
  const variables = {
    ...(level !== undefined && { P2L_LOGLEVEL: level }),
    ...(workers !== undefined && { P2L_WORKERS: workers }),
    ...(count('strict-config-value') > 0 && { P2L_STRICT_CONFIG_VALUE: 'true' }),
  };
  return { configPath, variables, warnings: problems };
}

function defaultPath(env: Environment, exists: (path: string) => boolean): string | undefined {
  const named = env['FLUENT_CONF'] ?? '';
  return named === '' ? defaultPaths.find((path) => exists(path)) : named;
}

/** -v: debug, -vv: trace; -q: warn, -qq: error. */
function levelOf(louder: number): string | undefined {
  if (louder === 0) return undefined;
  if (louder > 0) return louder === 1 ? 'debug' : 'trace';
  return louder === -1 ? 'warn' : 'error';
}

/** The values of each option in the words of a variable; a flag has one for each time it stands there. */
function read(variable: string, text: string, problems: ConfigProblem[]): Map<OptionName, string[]> {
  const found = new Map<OptionName, string[]>();
  const say = (words: string, severity?: 'warning'): void =>
    void problems.push({ at: undefined, text: `${variable}: ${words}`, ...(severity && { severity }) });
  const args = text.split(/[ \t\n]+/).filter((word) => word !== '');
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option') {
      if (token.kind === 'positional') say(`found "${token.value}" where an option is expected`);
      continue;
    }
    if (!Object.hasOwn(options, token.name)) {
      const near = nearest(token.name, Object.keys(options));
      say(`Fluentd has no option ${token.rawName}${near === undefined ? '' : `; did you mean --${near}?`}`);
      continue;
    }
    const name = token.name as OptionName;
    const option: Option = options[name];
    if (option.type === 'string' && (token.value === undefined || token.value === '')) {
      say(`option ${token.rawName} needs a value`);
      continue;
    }
    if (option.verdict === 'refused') say(`option ${token.rawName} cannot be had here; ${option.reason}`);
    if (option.verdict === 'warned') say(`option ${token.rawName} has no effect; ${option.reason}`, 'warning');
    checkValue(name, token.value, say);
    found.set(name, [...(found.get(name) ?? []), token.value ?? '']);
  }
  return found;
}

function checkValue(name: OptionName, value: string | undefined, say: (words: string) => void): void {
  if (name === 'config-file-type' && value !== 'v1' && value !== 'guess')
    say(`option --config-file-type: found "${value}", expected v1 or guess; write Fluentd's YAML in its v1 format`);
  if (name === 'conf-encoding' && !/^utf-?8$/i.test(value ?? ''))
    say(`option --conf-encoding: found "${value}", expected utf-8; write the file in UTF-8`);
  if (name === 'workers' && !/^[1-9]\d*$/.test(value ?? ''))
    say(`option --workers: found "${value}", expected a whole number from 1`);
}
